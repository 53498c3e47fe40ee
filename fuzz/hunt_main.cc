// hunt: looks for saboteurs by mutation and writes down how long each took.
//
//   hunt --csv=FILE [--arms=own,random,...] [--saboteurs=NAME,...|all|sample] [--seeds=1..3] [--budget=60]
//        [--shard=0/2] [--finds=DIR]
//
// Each search is a process of its own. A line of the CSV is: arm, saboteur, rule, seed, budget, found (1 or
// 0), CPU seconds, executions, steps of the sequence that caught it. Lines that the file already has are not
// searched again, so that a hunt can be stopped and taken up at any time, and several can share the work
// (--shard: the n-th of so many parts). --finds writes each sequence that caught something, as text.
//
// sample: 24 saboteurs, every so many-th of the list, which is ordered by topics.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "fuzz/hunt.h"
#include "google/protobuf/text_format.h"
#include "proto/sequence.pb.h"

namespace wskcert::fuzz {
namespace {

constexpr int kBadUsage = 3;
constexpr size_t kSample = 24;

struct Arguments {
  std::string csv;
  std::string finds;
  std::vector<Arm> arms = {Arm::kOwn};
  std::vector<const SaboteurInfo*> saboteurs;
  uint32_t first_seed = 1, last_seed = 1;
  double budget = 60;
  uint32_t shard = 0, shards = 1;
};

std::vector<const SaboteurInfo*> Everyone() {
  size_t count = 0;
  const SaboteurInfo* all = Saboteurs(&count);
  std::vector<const SaboteurInfo*> saboteurs;
  // The first one is honest.
  for (size_t i = 1; i < count; ++i) saboteurs.push_back(&all[i]);
  return saboteurs;
}

bool ParseSaboteurs(absl::string_view text, std::vector<const SaboteurInfo*>* out) {
  const std::vector<const SaboteurInfo*> all = Everyone();
  if (text == "all") {
    *out = all;
  } else if (text == "sample") {
    for (size_t i = 0; i < kSample; ++i) out->push_back(all[i * all.size() / kSample]);
  } else {
    for (absl::string_view name : absl::StrSplit(text, ',')) {
      const SaboteurInfo* saboteur = FindSaboteur(std::string(name).c_str());
      if (saboteur == nullptr || saboteur->rule[0] == '\0') {
        std::cerr << "hunt: there is no saboteur '" << name << "'\n";
        return false;
      }
      out->push_back(saboteur);
    }
  }
  return true;
}

bool ParseArms(absl::string_view text, std::vector<Arm>* out) {
  out->clear();
  for (absl::string_view name : absl::StrSplit(text, ',')) {
    bool known = false;
    for (int i = 0; i < kArms; ++i) {
      if (name != NameOf(static_cast<Arm>(i))) continue;
      out->push_back(static_cast<Arm>(i));
      known = true;
    }
    if (!known) {
      std::cerr << "hunt: there is no arm '" << name << "'\n";
      return false;
    }
  }
  return true;
}

bool ParsePair(absl::string_view text, const char* between, uint32_t* first, uint32_t* second) {
  const std::vector<std::string> parts = absl::StrSplit(text, between);
  if (parts.size() == 1) return absl::SimpleAtoi(parts[0], first) && absl::SimpleAtoi(parts[0], second);
  return parts.size() == 2 && absl::SimpleAtoi(parts[0], first) && absl::SimpleAtoi(parts[1], second);
}

bool Parse(int argc, char** argv, Arguments* out) {
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    bool good = true;
    if (absl::ConsumePrefix(&argument, "--csv=")) {
      out->csv = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--finds=")) {
      out->finds = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--arms=")) {
      good = ParseArms(argument, &out->arms);
    } else if (absl::ConsumePrefix(&argument, "--saboteurs=")) {
      good = ParseSaboteurs(argument, &out->saboteurs);
    } else if (absl::ConsumePrefix(&argument, "--seeds=")) {
      good = ParsePair(argument, "..", &out->first_seed, &out->last_seed);
    } else if (absl::ConsumePrefix(&argument, "--budget=")) {
      good = absl::SimpleAtod(argument, &out->budget) && out->budget > 0;
    } else if (absl::ConsumePrefix(&argument, "--shard=")) {
      good = ParsePair(argument, "/", &out->shard, &out->shards) && out->shard < out->shards;
    } else {
      good = false;
    }
    if (!good) {
      std::cerr << "hunt: what is '" << argv[i] << "'?\n";
      return false;
    }
  }
  if (out->saboteurs.empty()) out->saboteurs = Everyone();
  if (out->csv.empty()) std::cerr << "hunt: --csv=FILE says where the results go\n";
  return !out->csv.empty();
}

std::string Key(const Hunt& hunt) {
  return absl::StrFormat("%s,%s,%s,%d,%g,", NameOf(hunt.arm), hunt.saboteur->name, hunt.saboteur->rule,
                         hunt.seed, hunt.cpu_seconds);
}

// The beginnings of the lines that are there.
std::set<std::string> Done(const std::string& file) {
  std::set<std::string> done;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells = absl::StrSplit(line, ',');
    if (cells.size() < 9) continue;
    done.insert(absl::StrCat(cells[0], ",", cells[1], ",", cells[2], ",", cells[3], ",", cells[4], ","));
  }
  return done;
}

// What a child leaves behind.
struct Shared {
  bool over;
  bool found;
  double cpu_seconds;
  uint64_t executions;
  uint32_t steps;
  uint32_t size;
  uint8_t sequence[kLastBytes];
  uint8_t last[kLastBytes];
};

void Child(Hunt hunt, Shared* shared) {
  if (hunt.saboteur->needs_child) hunt.last = shared->last;
  // For what neither ends nor uses time.
  alarm(static_cast<unsigned>(hunt.cpu_seconds * 10) + 60);
  const Catch result = RunHunt(hunt);
  shared->found = result.found;
  shared->cpu_seconds = result.cpu_seconds;
  shared->executions = result.executions;
  shared->steps = result.steps;
  shared->size = static_cast<uint32_t>(std::min(result.sequence.size(), kLastBytes));
  std::memcpy(shared->sequence, result.sequence.data(), shared->size);
  shared->over = true;
  _exit(0);
}

double ChildSeconds(const rusage& usage) {
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

Catch Search(const Hunt& hunt, Shared* shared) {
  std::memset(shared, 0, sizeof(*shared));
  const pid_t child = fork();
  if (child == 0) Child(hunt, shared);
  Catch result;
  int status = 0;
  rusage usage = {};
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return result;
  if (shared->over) {
    result.found = shared->found;
    result.cpu_seconds = shared->cpu_seconds;
    result.executions = shared->executions;
    result.steps = shared->steps;
    result.sequence.assign(reinterpret_cast<const char*>(shared->sequence), shared->size);
    return result;
  }
  result.cpu_seconds = ChildSeconds(usage);
  // The process of a provider that dies breaks run.survives, as `certify` has it.
  uint32_t size;
  std::memcpy(&size, shared->last, sizeof(size));
  const bool died = WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM;
  if (!died || size == 0 || std::strcmp(hunt.saboteur->rule, "run.survives") != 0) return result;
  result.sequence.assign(reinterpret_cast<const char*>(shared->last) + sizeof(size), size);
  result.found = CleanOnEmulator(result.sequence);
  return result;
}

void WriteFind(const std::string& directory, const Hunt& hunt, const Catch& result) {
  Sequence sequence;
  if (directory.empty() || !result.found || !sequence.ParseFromString(result.sequence)) return;
  Case body;
  *body.mutable_sequence() = sequence;
  std::string text;
  google::protobuf::TextFormat::PrintToString(body, &text);
  std::ofstream(
      absl::StrCat(directory, "/", hunt.saboteur->name, ".", NameOf(hunt.arm), ".", hunt.seed, ".textproto"))
      << text;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, &arguments)) return kBadUsage;
  auto* shared = static_cast<Shared*>(
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (shared == MAP_FAILED) return 1;
  const std::set<std::string> done = Done(arguments.csv);
  const int csv = open(arguments.csv.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (csv < 0) {
    std::cerr << "hunt: cannot write " << arguments.csv << "\n";
    return kBadUsage;
  }
  uint32_t number = 0;
  for (uint32_t seed = arguments.first_seed; seed <= arguments.last_seed; ++seed) {
    for (const Arm arm : arguments.arms) {
      for (const SaboteurInfo* saboteur : arguments.saboteurs) {
        if (number++ % arguments.shards != arguments.shard) continue;
        const Hunt hunt = {saboteur, arm, seed, arguments.budget};
        if (done.count(Key(hunt)) != 0) continue;
        const Catch result = Search(hunt, shared);
        // In one write, for there may be several writers.
        const std::string line = absl::StrFormat("%s%d,%.3f,%d,%d\n", Key(hunt), result.found ? 1 : 0,
                                                 result.cpu_seconds, result.executions, result.steps);
        if (write(csv, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return 1;
        std::cout << line << std::flush;
        WriteFind(arguments.finds, hunt, result);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace wskcert::fuzz

int main(int argc, char** argv) { return wskcert::fuzz::Main(argc, argv); }
