// Reading traces that are written as text.
#include <map>

#include "conformance/model/trace_names.h"
#include "conformance/model/trace_text.h"

namespace wskcert::model {
namespace {

using namespace trace_names;  // NOLINT: a table of names, internal to these two files

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
      if (error != nullptr)
        *error = std::string("line ").append(std::to_string(number)).append(": ").append(error_);
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
    if (words[0] == "listening" || words[0] == "datagrams") return Bound(words);
    if (words[0] == "do") {
      words[0] = "begin";
      One(words);
      if (!error_.empty()) return;
      Observation end = BlankObservation(Seen::kStimulusEnd);
      end.begin = static_cast<uint32_t>(file_.log.size() - 1);
      end.op = file_.log.back().op;
      end.peer = file_.log.back().peer;
      file_.log.push_back(end);
      return;
    }
    One(words);
  }

  // A call with an IRP that pends and succeeds.
  void Succeeds(Observation begin, uint64_t information) {
    begin.seen_flags |= kSeenIrp;
    const uint32_t at = static_cast<uint32_t>(file_.log.size());
    file_.log.push_back(begin);
    Observation end = BlankObservation(Seen::kCallEnd);
    end.op = begin.op;
    end.socket = begin.socket;
    end.irp = begin.irp;
    end.begin = at;
    end.status = kStatusPending;
    file_.log.push_back(end);
    Observation done = end;
    done.kind = static_cast<uint8_t>(Seen::kCompletion);
    done.status = kStatusSuccess;
    done.information = information;
    if (information != 0) done.seen_flags = kSeenInformational;
    file_.log.push_back(done);
  }

  // `listening` or `datagrams`: a socket of that category, made and bound.
  void Bound(const std::vector<std::string_view>& words) {
    Observation begin = BlankObservation(Seen::kCallBegin);
    begin.op = static_cast<uint16_t>(Op::kSocket);
    begin.mask = kAllDispatch;
    begin.code = static_cast<uint8_t>(words[0] == "listening" ? Category::kListen : Category::kDatagram);
    for (size_t i = 1; i < words.size(); ++i) Field(words[i], &begin);
    if (begin.socket == kNoSlot) return Fail("no socket", words[0]);
    begin.irp = static_cast<uint16_t>(1000 + begin.socket);
    Succeeds(begin, 1);
    Observation bind = BlankObservation(Seen::kCallBegin);
    bind.op = static_cast<uint16_t>(Op::kBind);
    bind.socket = begin.socket;
    bind.irp = begin.irp;
    Succeeds(bind, 0);
    file_.log.push_back(BlankObservation(Seen::kQuiescence));
  }

  void Connected(const std::vector<std::string_view>& words) {
    Observation begin = BlankObservation(Seen::kCallBegin);
    begin.op = static_cast<uint16_t>(Op::kSocketConnect);
    begin.mask = kAllDispatch;
    begin.code = static_cast<uint8_t>(Category::kConnection);
    for (size_t i = 1; i < words.size(); ++i) Field(words[i], &begin);
    if (begin.socket == kNoSlot) return Fail("no socket", words[0]);
    begin.irp = static_cast<uint16_t>(1000 + begin.socket);
    Succeeds(begin, 1);
    file_.log.push_back(BlankObservation(Seen::kQuiescence));
  }

  void One(const std::vector<std::string_view>& words) {
    uint64_t kind;
    if (!Lookup(kLines, words[0], &kind)) return Fail("unknown kind of line", words[0]);
    Observation o = BlankObservation(static_cast<Seen>(kind));
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
    labels_[std::string("@").append(std::to_string(index))] = index;
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
        if (static_cast<Op>(value) == Op::kAccept && kind == Seen::kCallBegin) o->mask = kAllDispatch;
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
        if (*at + 1 < words.size() && Lookup(kEventNames, words[*at + 1], &value)) {
          o->op = static_cast<uint16_t>(value);
          ++*at;
        }
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
    if (kind == Seen::kCompletion && static_cast<Op>(begin.op) == Op::kAccept) o->target = begin.target;
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
    } else if (key == "client") {
      o->content = static_cast<uint8_t>(value);
    } else if (key == "subset") {
      o->mask = static_cast<uint32_t>(value);
    } else if (key == "peer") {
      o->peer = static_cast<uint16_t>(value);
    } else if (key == "target" || key == "hold") {
      o->target = static_cast<uint16_t>(value);
      if (static_cast<Seen>(o->kind) == Seen::kCallbackEnd && static_cast<Event>(o->op) == Event::kAccept) {
        o->mask = kAllDispatch;
      }
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
    } else if (key == "information" || key == "id") {
      o->information = value;
    } else if (key == "value") {
      o->offset = value;
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

Observation BlankObservation(Seen kind) {
  Observation o = {};
  o.ready = 1;
  o.kind = static_cast<uint8_t>(kind);
  o.socket = o.irp = o.peer = o.target = kNoSlot;
  o.begin = o.enclosing = o.step = kNoIndex;
  return o;
}

std::optional<TraceFile> ParseTrace(std::string_view text, std::string* error) {
  return Parser().Run(text, error);
}

}  // namespace wskcert::model
