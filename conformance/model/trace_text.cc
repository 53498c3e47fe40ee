#include "conformance/model/trace_text.h"

#include <charconv>
#include <cstdio>
#include <map>

namespace wskcert::model {
namespace {

struct Named {
  const char* name;
  uint64_t value;
};

constexpr Named kStatuses[] = {
    {"SUCCESS", kStatusSuccess},
    {"PENDING", kStatusPending},
    {"EVENT_PENDING", kStatusEventPending},
    {"BUFFER_OVERFLOW", kStatusBufferOverflow},
    {"UNSUCCESSFUL", kStatusUnsuccessful},
    {"NOT_IMPLEMENTED", kStatusNotImplemented},
    {"INVALID_HANDLE", kStatusInvalidHandle},
    {"INVALID_PARAMETER", kStatusInvalidParameter},
    {"INVALID_DEVICE_REQUEST", kStatusInvalidDeviceRequest},
    {"ACCESS_DENIED", kStatusAccessDenied},
    {"INSUFFICIENT_RESOURCES", kStatusInsufficientResources},
    {"DEVICE_NOT_READY", kStatusDeviceNotReady},
    {"FILE_FORCED_CLOSED", kStatusFileForcedClosed},
    {"NOT_SUPPORTED", kStatusNotSupported},
    {"REQUEST_NOT_ACCEPTED", kStatusRequestNotAccepted},
    {"CANCELLED", kStatusCancelled},
    {"INVALID_DEVICE_STATE", kStatusInvalidDeviceState},
    {"ADDRESS_ALREADY_EXISTS", kStatusAddressAlreadyExists},
    {"DATA_NOT_ACCEPTED", kStatusDataNotAccepted},
    {"NOINTERFACE", kStatusNoInterface},
};

constexpr Named kOps[] = {
    {"register", 1},
    {"capture", 2},
    {"query_characteristics", 3},
    {"release_npi", 4},
    {"deregister", 5},
    {"control_client", 6},
    {"socket", 16},
    {"socket_connect", 17},
    {"bind", 18},
    {"listen", 19},
    {"connect", 20},
    {"connect_ex", 21},
    {"accept", 22},
    {"event_callback", 23},
    {"get_event_callback", 24},
    {"conditional_accept", 25},
    {"get_conditional_accept", 26},
    {"query_send_backlog", 27},
    {"query_inspect_id", 28},
    {"register_extension", 29},
    {"set_remote_address", 30},
    {"set_send_to_address", 31},
    {"set_silent_mode", 32},
    {"send", 33},
    {"receive", 34},
    {"send_to", 35},
    {"receive_from", 36},
    {"release", 37},
    {"disconnect", 38},
    {"inspect_complete", 39},
    {"get_local_address", 40},
    {"get_remote_address", 41},
    {"cancel_irp", 42},
    {"close", 43},
    {"peer_listen", 64},
    {"peer_connect", 65},
    {"peer_abandon", 66},
    {"peer_send", 67},
    {"peer_send_datagram", 68},
    {"peer_disconnect", 69},
    {"peer_reset", 70},
    {"peer_hold_acks", 71},
    {"set_ideal_backlog", 72},
    {"break_socket", 73},
    {"fail_allocations", 74},
    {"transport_list_change", 75},
    {"settle", 96},
    {"release_hold", 97},
    {"await_hold", 98},
    {"await_irp", 99},
    {"read_retained", 100},
    {"scribble", 101},
    {"yield", 102},
};

constexpr Named kEventNames[] = {{"accept", 0},       {"inspect", 1},      {"abort", 2},
                                 {"receive", 3},      {"receive_from", 4}, {"disconnect", 5},
                                 {"send_backlog", 6}, {"client_event", 7}, {"extension", 8}};
constexpr Named kMasks[] = {
    {"SEND_BACKLOG", kEventSendBacklog}, {"RECEIVE", kEventReceive}, {"DISCONNECT", kEventDisconnect},
    {"RECEIVE_FROM", kEventReceiveFrom}, {"ACCEPT", kEventAccept},   {"DISABLE", kEventDisable}};
constexpr Named kFlagNames[] = {{"ABORTIVE", kFlagAbortive},
                                {"RELEASE_ASAP", kFlagReleaseAsap},
                                {"ENTIRE_MESSAGE", kFlagEntireMessage},
                                {"AT_DISPATCH_LEVEL", kFlagAtDispatchLevel}};
constexpr Named kContents[] = {{"none", 0}, {"exact", 1}, {"foreign", 2}, {"corrupt", 3}};
constexpr Named kFaults[] = {{"bad-context", 1},  {"bad-indication", 2}, {"second-completion", 3},
                             {"irql-changed", 4}, {"null-socket", 5},    {"bad-irp", 6}};
constexpr Named kEndings[] = {{"finished", 0}, {"bug-check", 1}, {"deadlock", 2}, {"livelock", 3},
                              {"overflow", 4}, {"crashed", 5},   {"timed-out", 6}};
constexpr Named kSights[] = {{"connected", 1}, {"data", 2},    {"fin", 3},
                             {"reset", 4},     {"refused", 5}, {"datagram", 6}};

// The kinds of line, and which observation each stands for.
constexpr Named kLines[] = {
    {"call", 1},   {"return", 2}, {"complete", 3}, {"completion-end", 4}, {"event", 5},     {"node", 6},
    {"end", 7},    {"begin", 8},  {"done", 9},     {"saw", 10},           {"quiet", 11},    {"skip", 12},
    {"fault", 13}, {"held", 14},  {"unheld", 15},  {"hold-refused", 16},  {"retained", 17}, {"finish", 18}};

template <size_t N>
bool Lookup(const Named (&table)[N], std::string_view name, uint64_t* value) {
  for (const Named& entry : table) {
    if (name == entry.name) {
      *value = entry.value;
      return true;
    }
  }
  return false;
}

template <size_t N>
std::string NameIn(const Named (&table)[N], uint64_t value) {
  for (const Named& entry : table) {
    if (value == entry.value) return entry.name;
  }
  return std::to_string(value);
}

bool Number(std::string_view text, uint64_t* value) {
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, hex ? 16 : 10);
  return error == std::errc() && end == text.data() + text.size();
}

template <size_t N>
bool NameOrNumber(const Named (&table)[N], std::string_view text, uint64_t* value) {
  return Lookup(table, text, value) || Number(text, value);
}

// Names joined by `|`.
template <size_t N>
bool Combination(const Named (&table)[N], std::string_view text, uint64_t* value) {
  *value = 0;
  while (!text.empty()) {
    const size_t bar = text.find('|');
    uint64_t one;
    if (!NameOrNumber(table, text.substr(0, bar), &one)) return false;
    *value |= one;
    text = bar == std::string_view::npos ? std::string_view() : text.substr(bar + 1);
  }
  return true;
}

template <size_t N>
std::string CombinationText(const Named (&table)[N], uint64_t value) {
  std::string text;
  for (const Named& entry : table) {
    if ((value & entry.value) == 0) continue;
    text += (text.empty() ? "" : "|") + std::string(entry.name);
    value &= ~entry.value;
  }
  if (value != 0 || text.empty()) text += (text.empty() ? "" : "|") + std::to_string(value);
  return text;
}

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  size_t at = 0;
  while (at < line.size()) {
    if (line[at] == '#') break;
    if (line[at] == ' ' || line[at] == '\t' || line[at] == '\r') {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < line.size() && line[end] != ' ' && line[end] != '\t' && line[end] != '\r') ++end;
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

Observation Blank(Seen kind) {
  Observation o = {};
  o.ready = 1;
  o.kind = static_cast<uint8_t>(kind);
  o.socket = o.irp = o.peer = o.target = kNoSlot;
  o.begin = o.enclosing = o.step = kNoIndex;
  return o;
}

class Parser {
 public:
  std::optional<TraceFile> Run(std::string_view text, std::string* error) {
    size_t number = 0;
    bool header = text.find("\n---") != std::string_view::npos || text.starts_with("---");
    while (!text.empty() && error_.empty()) {
      const size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
      ++number;
      if (header) {
        if (line.starts_with("---")) {
          header = false;
        } else {
          Header(line);
        }
      } else {
        Line(line);
      }
    }
    if (!error_.empty()) {
      if (error != nullptr) *error = "line " + std::to_string(number) + ": " + error_;
      return std::nullopt;
    }
    return std::move(file_);
  }

 private:
  void Fail(std::string_view what, std::string_view word) {
    if (error_.empty()) error_ = std::string(what) + ": " + std::string(word);
  }

  void Header(std::string_view line) {
    const std::vector<std::string_view> words = Words(line);
    if (words.empty()) return;
    if (words[0] == "because") {
      file_.because = line.substr(line.find("because") + 7);
    } else if (words[0] == "rule" && words.size() == 2) {
      file_.rule = words[1];
    } else if (words[0] == "expect" && words.size() == 2 && (words[1] == "accept" || words[1] == "refuse")) {
      file_.accept = words[1] == "accept";
    } else if (words[0] == "exercises") {
      for (size_t i = 1; i < words.size(); ++i) file_.exercises.emplace_back(words[i]);
    } else if (words[0] == "profile" && words.size() == 2) {
      file_.windows = words[1] == "windows";
    } else if (words[0] == "capabilities" && words.size() == 2) {
      if (!Number(words[1], &file_.capabilities)) Fail("not a number", words[1]);
    } else {
      Fail("unknown header", words[0]);
    }
  }

  void Line(std::string_view line) {
    std::vector<std::string_view> words = Words(line);
    if (words.empty()) return;
    if (words[0] == "!") {
      file_.refused_at = static_cast<uint32_t>(file_.log.size());
      words.erase(words.begin());
      if (words.empty()) return;
    }
    if (words[0] == "connected") return Connected(words);
    if (words[0] == "do") {
      words[0] = "begin";
      One(words);
      if (!error_.empty()) return;
      Observation end = Blank(Seen::kStimulusEnd);
      end.begin = static_cast<uint32_t>(file_.log.size() - 1);
      end.op = file_.log.back().op;
      end.peer = file_.log.back().peer;
      file_.log.push_back(end);
      return;
    }
    One(words);
  }

  void Connected(const std::vector<std::string_view>& words) {
    Observation begin = Blank(Seen::kCallBegin);
    begin.op = static_cast<uint16_t>(Op::kSocketConnect);
    begin.mask = kAllDispatch;
    begin.code = static_cast<uint8_t>(Category::kConnection);
    for (size_t i = 1; i < words.size(); ++i) Field(words[i], &begin);
    if (begin.socket == kNoSlot) return Fail("no socket", words[0]);
    begin.irp = static_cast<uint16_t>(1000 + begin.socket);
    begin.seen_flags = kSeenIrp;
    const uint32_t at = static_cast<uint32_t>(file_.log.size());
    file_.log.push_back(begin);
    Observation end = Blank(Seen::kCallEnd);
    end.op = begin.op;
    end.socket = begin.socket;
    end.irp = begin.irp;
    end.begin = at;
    end.status = kStatusPending;
    file_.log.push_back(end);
    Observation done = end;
    done.kind = static_cast<uint8_t>(Seen::kCompletion);
    done.status = kStatusSuccess;
    done.information = 1;
    done.seen_flags = kSeenInformational;
    file_.log.push_back(done);
    file_.log.push_back(Blank(Seen::kQuiescence));
  }

  void One(const std::vector<std::string_view>& words) {
    uint64_t kind;
    if (!Lookup(kLines, words[0], &kind)) return Fail("unknown kind of line", words[0]);
    Observation o = Blank(static_cast<Seen>(kind));
    std::string label;
    size_t at = 1;
    const bool refers = kind == 2 || kind == 3 || kind == 4 || kind == 6 || kind == 7 || kind == 9 ||
                        (kind >= 14 && kind <= 17);
    if (refers) {
      if (at >= words.size()) return Fail("nothing referred to", words[0]);
      if (!Refer(words[at++], &o.begin)) return;
      Inherit(&o);
    } else if (!Subject(words, &at, &o)) {
      return;
    }
    if (static_cast<Seen>(o.kind) == Seen::kCallbackEnd) o.length = o.op == 3 ? kNoIndex : 0;
    for (; at < words.size() && error_.empty(); ++at) {
      if (words[at][0] == '@') {
        label = words[at];
      } else {
        Field(words[at], &o);
      }
    }
    if (!error_.empty()) return;
    const uint32_t index = static_cast<uint32_t>(file_.log.size());
    labels_["@" + std::to_string(index)] = index;
    if (!label.empty()) labels_[label] = index;
    file_.log.push_back(o);
  }

  // The operation, event, sight, ... that follows the kind of line.
  bool Subject(const std::vector<std::string_view>& words, size_t* at, Observation* o) {
    uint64_t value = 0;
    const Seen kind = static_cast<Seen>(o->kind);
    const std::string_view word = *at < words.size() ? words[*at] : std::string_view();
    bool good = true;
    switch (kind) {
      case Seen::kCallBegin:
      case Seen::kStimulusBegin:
      case Seen::kSkip:
        good = NameOrNumber(kOps, word, &value);
        o->op = static_cast<uint16_t>(value);
        if (static_cast<Op>(value) == Op::kSocketConnect || static_cast<Op>(value) == Op::kSocket) {
          o->mask = kAllDispatch;
          o->code = static_cast<uint8_t>(Category::kConnection);
        }
        break;
      case Seen::kCallbackBegin:
        good = NameOrNumber(kEventNames, word, &value);
        o->op = static_cast<uint16_t>(value);
        break;
      case Seen::kPeerSaw:
        good = NameOrNumber(kSights, word, &value);
        o->code = static_cast<uint8_t>(value);
        break;
      case Seen::kFault:
        good = NameOrNumber(kFaults, word, &value);
        o->code = static_cast<uint8_t>(value);
        break;
      case Seen::kQuiescence:
        if (word == "timed") {
          o->code = static_cast<uint8_t>(Quiet::kTimed);
          ++*at;
        }
        return true;
      case Seen::kEnd:
        if (!word.empty() && Lookup(kEndings, word, &value)) {
          o->code = static_cast<uint8_t>(value);
          ++*at;
        }
        return true;
      default:
        return true;
    }
    ++*at;
    if (!good) Fail("unknown name", word);
    return good;
  }

  bool Refer(std::string_view label, uint32_t* index) {
    const auto found = labels_.find(std::string(label));
    if (found == labels_.end()) {
      Fail("no such label", label);
      return false;
    }
    *index = found->second;
    return true;
  }

  // Ends and completions repeat what their begin names.
  void Inherit(Observation* o) const {
    const Observation& begin = file_.log[o->begin];
    o->op = begin.op;
    o->socket = begin.socket;
    o->thread = begin.thread;
    const Seen kind = static_cast<Seen>(o->kind);
    if (kind == Seen::kCallEnd || kind == Seen::kCompletion) o->irp = begin.irp;
    if (kind == Seen::kStimulusEnd) o->socket = kNoSlot, o->peer = begin.peer;
  }

  void Field(std::string_view word, Observation* o) {
    uint64_t value = 0;
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos) {
      if (Lookup(kStatuses, word, &value) || Number(word, &value)) {
        o->status = static_cast<Status>(value);
      } else if (word == "null") {
        o->seen_flags |= kSeenNullIndication;
      } else if (word == "second") {
        o->seen_flags |= kSeenSecondCompletion;
      } else if (word == "teardown") {
        o->seen_flags |= kSeenTeardown;
      } else if (word == "unguarded") {
        o->seen_flags |= kSeenUnguarded;
      } else if (word == "pending-returned") {
        o->seen_flags |= kSeenPendingReturned;
      } else if (word == "informational") {
        o->seen_flags |= kSeenInformational;
      } else {
        Fail("unknown word", word);
      }
      return;
    }
    Assign(word.substr(0, equals), word.substr(equals + 1), o);
  }

  void Assign(std::string_view key, std::string_view text, Observation* o) {
    uint64_t value = 0;
    if (key == "bytes") return Bytes(text, o);
    if (key == "mask") {
      if (!Combination(kMasks, text, &value)) return Fail("not an event mask", text);
      o->mask = static_cast<uint32_t>(value);
      return;
    }
    if (key == "flags") {
      if (!Combination(kFlagNames, text, &value)) return Fail("not flags", text);
      o->flags = static_cast<uint32_t>(value);
      return;
    }
    if (key == "inside") {
      Refer(text, &o->enclosing);
      return;
    }
    if (key == "content") {
      if (!NameOrNumber(kContents, text, &value)) return Fail("not a content", text);
      o->content = static_cast<uint8_t>(value);
      return;
    }
    if (!Number(text, &value)) return Fail("not a number", text);
    if (key == "socket") {
      o->socket = static_cast<uint16_t>(value);
    } else if (key == "irp") {
      o->irp = static_cast<uint16_t>(value);
      if (static_cast<Seen>(o->kind) == Seen::kCallBegin && static_cast<Op>(o->op) != Op::kCancelIrp) {
        o->seen_flags |= kSeenIrp;
      }
    } else if (key == "peer") {
      o->peer = static_cast<uint16_t>(value);
    } else if (key == "target" || key == "hold") {
      o->target = static_cast<uint16_t>(value);
    } else if (key == "irql") {
      o->irql = static_cast<uint8_t>(value);
    } else if (key == "thread") {
      o->thread = static_cast<uint8_t>(value);
    } else if (key == "step") {
      o->step = static_cast<uint32_t>(value);
    } else if (key == "code" || key == "reason") {
      o->code = static_cast<uint8_t>(value);
    } else if (key == "length" || key == "accepted") {
      o->length = static_cast<uint32_t>(value);
    } else if (key == "information") {
      o->information = value;
    } else if (key == "nodes") {
      o->mask = static_cast<uint32_t>(value);
    } else {
      Fail("unknown field", key);
    }
  }

  void Bytes(std::string_view text, Observation* o) {
    const size_t plus = text.find('+');
    uint64_t offset = 0;
    uint64_t length = 0;
    if (plus == std::string_view::npos || !Number(text.substr(0, plus), &offset) ||
        !Number(text.substr(plus + 1), &length)) {
      return Fail("not OFFSET+LENGTH", text);
    }
    o->offset = offset;
    o->length = static_cast<uint32_t>(length);
    const Seen kind = static_cast<Seen>(o->kind);
    if (length != 0 && kind != Seen::kStimulusBegin) o->content = static_cast<uint8_t>(Content::kExact);
    if (kind == Seen::kCallbackBegin) {
      if (o->information == 0) o->information = length;
      if (o->mask == 0) o->mask = 1;
    }
    if (kind == Seen::kCompletion) o->information = length;
  }

  TraceFile file_;
  std::string error_;
  std::map<std::string, uint32_t> labels_;
};

}  // namespace

std::optional<TraceFile> ParseTrace(std::string_view text, std::string* error) {
  return Parser().Run(text, error);
}

std::string StatusText(Status status) {
  for (const Named& entry : kStatuses) {
    if (entry.value == status) return entry.name;
  }
  char text[16];
  std::snprintf(text, sizeof(text), "0x%08X", status);
  return text;
}

std::string ObservationText(const Observation& o, uint32_t index) {
  const Seen kind = static_cast<Seen>(o.kind);
  std::string text = o.kind >= 1 && o.kind <= 18 ? NameIn(kLines, o.kind) : "nothing";
  const auto add = [&text](const char* key, uint64_t value) {
    text += " " + std::string(key) + "=" + std::to_string(value);
  };
  const auto label = [](uint32_t at) { return " @" + std::to_string(at); };
  const bool ends = kind == Seen::kCallEnd || kind == Seen::kCompletion || kind == Seen::kCompletionEnd ||
                    kind == Seen::kCallbackNode || kind == Seen::kCallbackEnd || kind == Seen::kStimulusEnd ||
                    kind == Seen::kHeld || kind == Seen::kUnheld || kind == Seen::kHoldRefused ||
                    kind == Seen::kRetainedRead;
  if (ends) text += label(o.begin);
  const bool call = kind == Seen::kCallBegin || kind == Seen::kStimulusBegin || kind == Seen::kSkip;
  if (call) text += " " + NameIn(kOps, o.op);
  if (kind == Seen::kCallbackBegin) text += " " + NameIn(kEventNames, o.op);
  if (kind == Seen::kPeerSaw) text += " " + NameIn(kSights, o.code);
  if (kind == Seen::kFault) text += " " + NameIn(kFaults, o.code);
  if (kind == Seen::kEnd) text += " " + NameIn(kEndings, o.code);
  if (kind == Seen::kQuiescence && o.code == static_cast<uint8_t>(Quiet::kTimed)) text += " timed";
  if (kind == Seen::kCallEnd || kind == Seen::kCompletion || kind == Seen::kCallbackEnd) {
    text += " " + StatusText(o.status);
  } else if (o.status != 0) {
    text += " " + StatusText(o.status);
  }
  if (o.socket != kNoSlot && !ends) add("socket", o.socket);
  if (o.irp != kNoSlot && !ends) add("irp", o.irp);
  if (o.peer != kNoSlot && !ends) add("peer", o.peer);
  if (o.target != kNoSlot) add("target", o.target);
  const bool bytes = kind == Seen::kCallbackBegin || kind == Seen::kCallbackNode ||
                     kind == Seen::kRetainedRead || kind == Seen::kPeerSaw ||
                     (kind == Seen::kCompletion && o.length != 0) ||
                     (kind == Seen::kStimulusBegin && o.length != 0);
  if (bytes && (o.length != 0 || o.offset != 0)) {
    text += " bytes=" + std::to_string(o.offset) + "+" + std::to_string(o.length);
    const Content usual = o.length != 0 && kind != Seen::kStimulusBegin ? Content::kExact : Content::kNone;
    if (static_cast<Content>(o.content) != usual) text += " content=" + NameIn(kContents, o.content);
  } else if (!bytes && o.length != 0 && !(kind == Seen::kCallbackEnd && o.length == kNoIndex)) {
    add(kind == Seen::kCallbackEnd ? "accepted" : "length", o.length);
  }
  if (kind == Seen::kCallbackEnd && o.length == 0 && o.op == static_cast<uint16_t>(Event::kReceive)) {
    add("accepted", 0);
  }
  if (kind == Seen::kCallbackBegin) {
    if (o.mask > 1) add("nodes", o.mask);
    if (o.information != o.length) add("information", o.information);
  } else if (o.mask != 0) {
    const bool subset =
        call && (static_cast<Op>(o.op) == Op::kSocket || static_cast<Op>(o.op) == Op::kSocketConnect);
    text += " mask=" + (subset ? std::to_string(o.mask) : CombinationText(kMasks, o.mask));
  }
  if (kind == Seen::kCompletion && o.information != o.length) add("information", o.information);
  if (o.flags != 0) text += " flags=" + CombinationText(kFlagNames, o.flags);
  const bool creates = kind == Seen::kCallBegin &&
                       (static_cast<Op>(o.op) == Op::kSocket || static_cast<Op>(o.op) == Op::kSocketConnect);
  const uint8_t usual_code = creates ? static_cast<uint8_t>(Category::kConnection) : 0;
  if (o.code != usual_code && (call || kind == Seen::kCompletion)) add("code", o.code);
  if ((o.seen_flags & kSeenNullIndication) != 0) text += " null";
  if ((o.seen_flags & kSeenSecondCompletion) != 0) text += " second";
  if ((o.seen_flags & kSeenTeardown) != 0) text += " teardown";
  if ((o.seen_flags & kSeenUnguarded) != 0) text += " unguarded";
  if ((o.seen_flags & kSeenPendingReturned) != 0) text += " pending-returned";
  if ((o.seen_flags & kSeenInformational) != 0) text += " informational";
  if (o.irql != 0) add("irql", o.irql);
  if (o.thread != 0) add("thread", o.thread);
  if (o.step != kNoIndex) add("step", o.step);
  if (o.enclosing != kNoIndex) text += " inside=@" + std::to_string(o.enclosing);
  const bool begins = kind == Seen::kCallBegin || kind == Seen::kCallbackBegin ||
                      kind == Seen::kStimulusBegin || kind == Seen::kCompletion;
  if (begins) text += label(index);
  return text;
}

std::string TraceText(const Observation* log, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    size_t depth = 0;
    for (uint32_t at = log[i].enclosing; at < i && depth < 16; at = log[at].enclosing) ++depth;
    text += std::string(depth * 2, ' ') + ObservationText(log[i], static_cast<uint32_t>(i)) + "\n";
  }
  return text;
}

}  // namespace wskcert::model
