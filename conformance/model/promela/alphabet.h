// The labels of disable.pml, and what a trace of them looks like to the judge: one listening socket, whose
// WskAcceptEvent is the callback; event e is a connection that peer e - 1 asks for, and the client refuses
// it.
//
// A trace is a string with one character for each label, '@' plus the label's number in disable.pml.
#ifndef WSKCERT_CONFORMANCE_MODEL_PROMELA_ALPHABET_H_
#define WSKCERT_CONFORMANCE_MODEL_PROMELA_ALPHABET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "conformance/executor/format.h"

namespace wskcert::model::promela {

inline constexpr int kLabels = 31;
inline constexpr int kEvents = 2;
inline constexpr int kIrps = 2;
inline constexpr int kPlains = 3;
inline constexpr int kThreads = 1 + kEvents;

enum class Kind : uint8_t {
  kEnable,
  kDisable,
  kDisableIrp,
  kReturn,
  kEvent,
  kBegin,
  kEnd,
  kComplete,
  kQuiet
};

// A label taken apart.
struct Label {
  Kind kind;
  int thread = 0;  // of a call or return
  int number = 0;  // event (1 and 2) or IRP (1 and 2)
  int status = 0;  // of a return: 0 SUCCESS, 1 PENDING, 2 EVENT_PENDING, 3 failure; of a completion: 0 or 1
};

// `number`: 1 .. kLabels.
Label LabelOf(int number);

// A trace as it grows: its log, and whether a label is one that could come next in any trace of this
// alphabet, allowed or not: a return needs a call, an end a beginning, and nothing exceeds the alphabet's
// bounds.
class Trace {
 public:
  Trace();
  bool Fits(int number) const;
  void Push(int number);
  void Pop();

  const std::string& text() const { return text_; }
  const std::vector<Observation>& log() const { return log_; }
  // Of the observations, those that make the socket.
  size_t preparation() const { return preparation_; }

 private:
  struct Step {
    int log_size;
    int number;
  };
  Observation Blank(Seen kind, int thread) const;
  void Observe(const Observation& observation);

  std::string text_;
  std::vector<Observation> log_;
  std::vector<Step> steps_;
  size_t preparation_;
};

}  // namespace wskcert::model::promela

#endif  // WSKCERT_CONFORMANCE_MODEL_PROMELA_ALPHABET_H_
