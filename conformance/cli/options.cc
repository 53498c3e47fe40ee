#include "conformance/cli/options.h"

#include <getopt.h>

#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace wskcert::cli {
namespace {

enum Option {
  kProvider = 256,
  kProfile,
  kOut,
  kFilter,
  kTrace,
  kRule,
  kAs,
  kLimit,
  kJobs,
  kShard,
  kMoreTimeFor,
  kResume,
  kScheduleSeed,
  kFormat,
  kTimeout,
  kLevelOption,
  kWaiversOption,
  kToday,
  kExpires,
  kReason,
  kWrite,
  kScheduler,
  kSeed,
  kRepeat,
  kLatitude,
  kInProcess,
  kList,
  kListProviders,
  kQuiet,
  kCoverage,
  kVerbose,
  kHelp
};

const option kLongOptions[] = {{"provider", required_argument, nullptr, kProvider},
                               {"profile", required_argument, nullptr, kProfile},
                               {"out", required_argument, nullptr, kOut},
                               {"filter", required_argument, nullptr, kFilter},
                               {"trace", required_argument, nullptr, kTrace},
                               {"as", required_argument, nullptr, kAs},
                               {"rule", required_argument, nullptr, kRule},
                               {"limit", required_argument, nullptr, kLimit},
                               {"jobs", required_argument, nullptr, kJobs},
                               {"shard", required_argument, nullptr, kShard},
                               {"resume", no_argument, nullptr, kResume},
                               {"schedule-seed", required_argument, nullptr, kScheduleSeed},
                               {"format", required_argument, nullptr, kFormat},
                               {"level", required_argument, nullptr, kLevelOption},
                               {"waivers", required_argument, nullptr, kWaiversOption},
                               {"more-time-for", required_argument, nullptr, kMoreTimeFor},
                               {"today", required_argument, nullptr, kToday},
                               {"expires", required_argument, nullptr, kExpires},
                               {"reason", required_argument, nullptr, kReason},
                               {"write", no_argument, nullptr, kWrite},
                               {"timeout", required_argument, nullptr, kTimeout},
                               {"scheduler", required_argument, nullptr, kScheduler},
                               {"seed", required_argument, nullptr, kSeed},
                               {"repeat", required_argument, nullptr, kRepeat},
                               {"latitude", no_argument, nullptr, kLatitude},
                               {"in-process", no_argument, nullptr, kInProcess},
                               {"list", no_argument, nullptr, kList},
                               {"list-providers", no_argument, nullptr, kListProviders},
                               {"quiet", no_argument, nullptr, kQuiet},
                               {"coverage", no_argument, nullptr, kCoverage},
                               {"verbose", no_argument, nullptr, kVerbose},
                               {"help", no_argument, nullptr, kHelp},
                               {nullptr, 0, nullptr, 0}};

absl::Status TakeOfLongRun(int option, const char* value, Options* out) {
  switch (option) {
    case kJobs:
      if (absl::SimpleAtoi(value, &out->jobs) && out->jobs >= 1 && out->jobs <= 256) break;
      return absl::InvalidArgumentError(
          absl::StrCat("--jobs=", value, ": a number of processes from 1 to 256"));
    case kShard: {
      const std::vector<std::string> parts = absl::StrSplit(value, '/');
      if (parts.size() == 2 && absl::SimpleAtoi(parts[0], &out->shard) &&
          absl::SimpleAtoi(parts[1], &out->shards) && out->shard >= 1 && out->shard <= out->shards &&
          out->shards <= 10000) {
        break;
      }
      return absl::InvalidArgumentError(absl::StrCat("--shard=", value, ": one of so many, as 2/5"));
    }
    case kResume:
      out->resume = true;
      break;
    case kScheduleSeed: {
      uint64_t seed = 0;
      if (!absl::SimpleAtoi(value, &seed)) {
        return absl::InvalidArgumentError(absl::StrCat("--schedule-seed=", value, ": a number from 0 on"));
      }
      out->schedule_seed = seed;
      break;
    }
    default:
      out->format = value;
      if (out->format != "text" && out->format != "json") {
        return absl::InvalidArgumentError(absl::StrCat("--format=", value, ": it is 'text' or 'json'"));
      }
  }
  return absl::OkStatus();
}

absl::Status Take(int option, const char* value, Options* out, bool* help) {
  switch (option) {
    case kProvider:
      out->provider = value;
      break;
    case kProfile:
      out->profile = value;
      break;
    case kOut:
      out->out = value;
      break;
    case kFilter:
      out->filter = value;
      break;
    case kTrace:
      out->trace = value;
      break;
    case kJobs:
    case kShard:
    case kResume:
    case kScheduleSeed:
    case kFormat:
      return TakeOfLongRun(option, value, out);
    case kAs:
      out->as = value;
      if (out->as != "textproto" && out->as != "c") {
        return absl::InvalidArgumentError(absl::StrCat("--as=", value, ": it is 'textproto' or 'c'"));
      }
      break;
    case kRule:
      out->rule = value;
      break;
    case kLimit:
      if (!absl::SimpleAtoi(value, &out->limit) || out->limit == 0) {
        return absl::InvalidArgumentError(absl::StrCat("--limit=", value, ": a number of plays from 1 on"));
      }
      break;
    case kLevelOption:
      out->level = value;
      if (out->level != "full" && out->level != "reachable") {
        return absl::InvalidArgumentError(absl::StrCat("--level=", value, ": it is 'full' or 'reachable'"));
      }
      break;
    case kWaiversOption:
      out->waivers = value;
      break;
    case kMoreTimeFor:
      out->more_time_for = value;
      break;
    case kToday:
      out->today = value;
      break;
    case kExpires:
      out->expires = value;
      break;
    case kReason:
      out->reason = value;
      break;
    case kWrite:
      out->write = true;
      break;
    case kTimeout:
      if (!absl::SimpleAtoi(value, &out->timeout_seconds) || out->timeout_seconds <= 0 ||
          out->timeout_seconds > 86400) {
        return absl::InvalidArgumentError(
            absl::StrCat("--timeout=", value, ": a number of seconds from 1 to 86400"));
      }
      break;
    case kScheduler:
      out->scheduler = value;
      if (out->scheduler != "fibers" && out->scheduler != "threads") {
        return absl::InvalidArgumentError(
            absl::StrCat("--scheduler=", value, ": it is 'fibers' or 'threads'"));
      }
      break;
    case kSeed:
      if (!absl::SimpleAtoi(value, &out->seed)) {
        return absl::InvalidArgumentError(absl::StrCat("--seed=", value, ": a number from 0 on"));
      }
      break;
    case kRepeat:
      if (!absl::SimpleAtoi(value, &out->repeat) || out->repeat <= 0) {
        return absl::InvalidArgumentError(absl::StrCat("--repeat=", value, ": a number from 1 on"));
      }
      break;
    case kLatitude:
      out->latitude = true;
      break;
    case kInProcess:
      out->in_process = true;
      break;
    case kList:
      out->list = true;
      break;
    case kListProviders:
      out->list_providers = true;
      break;
    case kCoverage:
      out->coverage = true;
      break;
    case kQuiet:
      out->quiet = true;
      break;
    case kVerbose:
      out->verbose = true;
      break;
    case kHelp:
      *help = true;
      break;
    default:
      return absl::InvalidArgumentError("");
  }
  return absl::OkStatus();
}

absl::Status CheckArguments(const Options& options) {
  const size_t count = options.arguments.size();
  const std::string& command = options.command;
  if (command == "run" && count != 1) return absl::InvalidArgumentError("run needs one case or file");
  if (command == "minimize" && count != 1)
    return absl::InvalidArgumentError("minimize needs one case or file");
  if (command == "diff" && count != 2) return absl::InvalidArgumentError("diff needs two certificates");
  if (command == "merge" && count == 0)
    return absl::InvalidArgumentError("merge needs the directories of shards");
  if (command == "certify" && options.resume && options.out.empty()) {
    return absl::InvalidArgumentError("--resume goes on with what --out=DIR holds, so it needs --out");
  }
  if (command == "export" && count != 1) return absl::InvalidArgumentError("export needs one case or file");
  if (command == "export" && options.as.empty())
    return absl::InvalidArgumentError("export needs --as=textproto or --as=c");
  if (command == "check" && count != 1) return absl::InvalidArgumentError("check needs one trace");
  if (command == "pack" && count != 1) return absl::InvalidArgumentError("pack needs one file");
  if (command == "verify" && count != 2) {
    return absl::InvalidArgumentError("verify needs a certificate and its traces");
  }
  if (command == "waivers" && count != 2) {
    return absl::InvalidArgumentError("waivers needs a certificate and a file of waivers");
  }
  if (command == "testee" && count != 0) return absl::InvalidArgumentError("testee takes no argument");
  if (command == "explain" && count != 1) return absl::InvalidArgumentError("explain needs one rule");
  if (command == "rules" && count > 1) return absl::InvalidArgumentError("rules takes one topic at most");
  if (command == "certify" && count != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("certify takes no argument; '", options.arguments[0], "' is one"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> ParseOptions(int argc, char** argv) {
  Options out;
  bool help = false;
  opterr = 0;
  int found;
  while ((found = getopt_long(argc, argv, "", kLongOptions, nullptr)) != -1) {
    if (found == '?')
      return absl::InvalidArgumentError(
          absl::StrCat("'", argv[optind - 1], "' is not an option, or lacks its value"));
    if (absl::Status status = Take(found, optarg, &out, &help); !status.ok()) return status;
  }
  for (int i = optind; i < argc; ++i) {
    if (out.command.empty()) {
      out.command = argv[i];
    } else {
      out.arguments.push_back(argv[i]);
    }
  }
  if (out.command == "help") {
    out.command = out.arguments.empty() ? "" : out.arguments[0];
    help = true;
  }
  if (help) {
    out.arguments = {out.command};
    out.command = "help";
    return out;
  }
  if (out.command.empty() && (out.list || out.list_providers)) out.command = "certify";
  if (out.command.empty()) return absl::InvalidArgumentError("no command given");
  if (HelpText(out.command) == HelpText("")) {
    return absl::InvalidArgumentError(absl::StrCat("there is no command '", out.command, "'"));
  }
  if (absl::Status status = CheckArguments(out); !status.ok()) return status;
  return out;
}

}  // namespace wskcert::cli
