#include "fuzz/edits.h"

#include <algorithm>

#include "fuzz/idioms.h"
#include "fuzz/idioms_more.h"

namespace wskcert::fuzz {
namespace {

// Beyond this many steps a sequence only changes, or shrinks: what is short is played often, and is read.
constexpr int kLong = 56;

int StepsOf(const Sequence& sequence) {
  int count = 0;
  for (const Thread& thread : sequence.threads()) count += thread.steps_size();
  for (const Script& script : sequence.scripts()) count += script.steps_size();
  return count;
}

void MoveStep(Steps* steps, int from, int to) {
  for (; from < to; ++from) steps->SwapElements(from, from + 1);
  for (; from > to; --from) steps->SwapElements(from, from - 1);
}

void DeleteSteps(const Bench& bench, uint32_t most) {
  const Place place = AnyPlace(bench);
  const int room = place.steps->size() - place.index;
  if (room <= 0) return;
  const int count = 1 + bench.random->BelowInt(static_cast<int>(most));
  place.steps->DeleteSubrange(place.index, std::min(count, room));
}

void MakeRoom(const Bench& bench) {
  if (StepsOf(*bench.sequence) > kLong) DeleteSteps(bench, 12);
  // A script whose call never comes costs little, many do not.
  while (bench.sequence->scripts_size() > 12) {
    bench.sequence->mutable_scripts()->DeleteSubrange(bench.random->BelowInt(bench.sequence->scripts_size()),
                                                      1);
  }
}

void InsertIdiom(const Bench& bench) {
  MakeRoom(bench);
  const Place place = AnyPlace(bench);
  Writer writer(bench.sequence, place.steps, place.index, false, bench.life, bench.random);
  WriteIdiom(&writer);
}

// A step or two about a socket that is there.
void InsertStepHere(const Bench& bench) {
  MakeRoom(bench);
  const Place place = AnyPlace(bench);
  Random* random = bench.random;
  Writer writer(bench.sequence, place.steps, place.index, false, bench.life, random);
  int socket = -1;
  uint32_t count = 0;
  for (int i = 0; i < kTrackedSockets; ++i) {
    if (bench.life->sockets[i].live() && random->Below(++count) == 0) socket = i;
  }
  if (socket < 0) return WriteIdiom(&writer);
  EventName event = RECEIVE_EVENT;
  switch (bench.life->sockets[socket].category) {
    case NewSocket::LISTEN:
      event = random->OneIn(3) ? INSPECT_EVENT : ACCEPT_EVENT;
      break;
    case NewSocket::DATAGRAM:
      event = RECEIVE_FROM_EVENT;
      break;
    default:
      event = random->OneIn(2) ? RECEIVE_EVENT : random->OneIn(3) ? SEND_BACKLOG_EVENT : DISCONNECT_EVENT;
  }
  if (bench.life->sockets[socket].extension && random->OneIn(4)) event = EXTENSION_EVENT;
  if (random->OneIn(2)) {
    Trigger(&writer, event, socket);
  } else {
    Meanwhile(&writer, event, socket);
  }
  if (random->OneIn(2)) writer.Settle();
}

void Duplicate(const Bench& bench) {
  const Place place = AnyPlace(bench);
  if (place.index >= place.steps->size()) return;
  const int to = bench.random->OneIn(2) ? place.index + 1 : bench.random->BelowInt(place.steps->size() + 1);
  const Step& original = place.steps->Get(place.index);
  *InsertStep(place.steps, to) = original;
}

void Move(const Bench& bench) {
  const Place place = AnyPlace(bench);
  if (place.index >= place.steps->size()) return;
  MoveStep(place.steps, place.index, bench.random->BelowInt(place.steps->size()));
}

// Another socket, peer, hold or list of those that are named somewhere.
void RebindSlot(const Bench& bench) {
  const Place place = AnyPlace(bench);
  if (place.index >= place.steps->size()) return;
  Step* step = place.steps->Mutable(place.index);
  Slots slots = SlotsOf(*step);
  Random* random = bench.random;
  if (step->has_irp() && random->OneIn(3)) {
    step->set_irp(random->Below(step->irp() + 3));
    return;
  }
  int* const all[] = {&slots.socket, &slots.peer,     &slots.accepted,
                      &slots.hold,   &slots.retained, &slots.inspect};
  int* chosen = nullptr;
  uint32_t count = 0;
  for (int* slot : all) {
    if (*slot >= 0 && random->Below(++count) == 0) chosen = slot;
  }
  if (chosen == nullptr) return;
  *chosen = random->BelowInt(std::min(*chosen + 3, kTrackedLists));
  SetSlots(slots, step);
}

void ChangeStep(const Bench& bench) {
  Sequence* sequence = bench.sequence;
  if (!sequence->scripts().empty() && bench.random->OneIn(5)) {
    Script* script = sequence->mutable_scripts(bench.random->BelowInt(sequence->scripts_size()));
    if (!script->steps().empty()) {
      return ChangeArgument(bench.random,
                            script->mutable_steps(bench.random->BelowInt(script->steps_size())));
    }
  }
  const Place place = AnyPlace(bench);
  if (place.index < place.steps->size()) ChangeArgument(bench.random, place.steps->Mutable(place.index));
}

// Without a wait two things may meet; with one they cannot.
void ChangeWaits(const Bench& bench) {
  const Place place = AnyPlace(bench);
  if (bench.random->OneIn(2)) {
    InsertStep(place.steps, place.index)->mutable_settle();
    return;
  }
  for (int i = place.index; i < place.steps->size(); ++i) {
    if (place.steps->Get(i).op_case() != Step::kSettle) continue;
    place.steps->DeleteSubrange(i, 1);
    return;
  }
}

// A thread of its own for what is done beside.
void EditThreads(const Bench& bench) {
  Sequence* sequence = bench.sequence;
  Random* random = bench.random;
  if (sequence->threads_size() > 1 && random->OneIn(4)) {
    sequence->mutable_threads()->RemoveLast();
    return;
  }
  if (sequence->threads_size() > 3) return;
  const Place place = AnyPlace(bench);
  Steps* steps = sequence->add_threads()->mutable_steps();
  const Place from = {place.thread, place.index, sequence->mutable_threads(place.thread)->mutable_steps()};
  // As many waits as the other has had there, so that the thread comes when what it names is there.
  for (int i = 0; i < from.index; ++i) {
    if (Waits(from.steps->Get(i).op_case())) steps->Add()->mutable_settle();
  }
  const int count = std::min(from.steps->size() - from.index, random->BelowInt(6));
  if (count > 0 && random->OneIn(2)) {
    for (int i = 0; i < count; ++i) *steps->Add() = from.steps->Get(from.index + i);
    from.steps->DeleteSubrange(from.index, count);
    return;
  }
  Writer writer(sequence, steps, steps->size(), false, bench.life, random);
  WriteIdiom(&writer);
}

void SpliceBase(const Bench& bench) {
  const auto& bases = bench.options.bases;
  if (bases.empty()) return InsertIdiom(bench);
  Splice(bases[bench.random->Below(static_cast<uint32_t>(bases.size()))], bench);
}

struct Entry {
  void (*edit)(const Bench&);
  uint32_t weight;
};
constexpr Entry kEdits[] = {
    {InsertIdiom, 28},
    {InsertStepHere, 16},
    {[](const Bench& bench) { DeleteSteps(bench, 3); }, 8},
    {Duplicate, 3},
    {Move, 3},
    {RebindSlot, 3},
    {ChangeStep, 10},
    {ChangeWaits, 4},
    {EditScripts, 10},
    {EditSchedule, 12},
    {EditThreads, 2},
    {EditBeginning, 3},
    {SpliceBase, 4},
    {[](const Bench& bench) {
       EditRegistration(!bench.options.choices.empty(), bench.random, bench.life, bench.sequence);
     },
     1},
};

constexpr uint32_t Total() {
  uint32_t total = 0;
  for (const Entry& entry : kEdits) total += entry.weight;
  return total;
}

// Renumbers slots into ones that the sequence does not use yet, each only once it is met.
class Renumber {
 public:
  explicit Renumber(Life* life) : life_(life) {
    for (auto* table : {sockets_, peers_, holds_, lists_, inspects_, irps_})
      std::fill(table, table + kTable, -1);
  }
  int Socket(int slot) {
    return Map(sockets_, slot, [this] { return life_->NewSocket(); });
  }
  int List(int slot) {
    return Map(lists_, slot, [this] { return life_->NewList(); });
  }
  int Inspect(int slot) {
    return Map(inspects_, slot, [this] { return life_->NewInspect(); });
  }
  int Hold(int slot) {
    return Map(holds_, slot, [this] { return life_->NewHold(); });
  }
  int Irp(int slot) {
    return Map(irps_, slot, [this] { return life_->NewIrp(); });
  }
  int Peer(int slot) {
    return Map(peers_, slot, [this] { return life_->NewPeer(); });
  }
  bool Knows(uint32_t socket) const { return socket < kTable && sockets_[socket] >= 0; }

  void Apply(Step* step) {
    if (step->has_irp()) step->set_irp(static_cast<uint32_t>(Irp(static_cast<int>(step->irp()))));
    Slots slots = SlotsOf(*step);
    if (slots.socket >= 0) slots.socket = Socket(slots.socket);
    if (slots.accepted >= 0) slots.accepted = Socket(slots.accepted);
    if (slots.peer >= 0) slots.peer = Peer(slots.peer);
    if (slots.hold >= 0) slots.hold = Hold(slots.hold);
    if (slots.retained >= 0) slots.retained = List(slots.retained);
    if (slots.inspect >= 0) slots.inspect = Inspect(slots.inspect);
    SetSlots(slots, step);
  }

 private:
  static constexpr int kTable = 64;

  template <typename Fresh>
  int Map(int16_t* table, int slot, const Fresh& fresh) {
    if (slot >= kTable) return slot;
    if (table[slot] < 0) table[slot] = static_cast<int16_t>(fresh());
    return table[slot];
  }

  Life* const life_;
  int16_t sockets_[kTable], peers_[kTable], holds_[kTable], lists_[kTable], inspects_[kTable], irps_[kTable];
};

void SpliceScript(const Script& script, Renumber* numbers, Sequence* sequence) {
  const bool completion = script.has_on_completion_of_irp();
  if (!completion && !numbers->Knows(script.socket())) return;
  Script* copy = sequence->add_scripts();
  *copy = script;
  const auto number = [](int slot) { return static_cast<uint32_t>(slot); };
  if (completion) {
    copy->set_on_completion_of_irp(number(numbers->Irp(static_cast<int>(script.on_completion_of_irp()))));
  } else {
    copy->set_socket(number(numbers->Socket(static_cast<int>(script.socket()))));
  }
  if (script.has_hold()) copy->set_hold(number(numbers->Hold(static_cast<int>(script.hold()))));
  if (script.has_target()) {
    const int target = static_cast<int>(script.target());
    copy->set_target(number(script.event() == ACCEPT_EVENT    ? numbers->Socket(target)
                            : script.event() == INSPECT_EVENT ? numbers->Inspect(target)
                                                              : numbers->List(target)));
  }
  for (Step& step : *copy->mutable_steps()) numbers->Apply(&step);
}

}  // namespace

Place AnyPlace(const Bench& bench) {
  if (bench.sequence->threads().empty()) bench.sequence->add_threads();
  Place place;
  place.thread = bench.random->OneIn(3) ? bench.random->BelowInt(bench.sequence->threads_size()) : 0;
  place.steps = bench.sequence->mutable_threads(place.thread)->mutable_steps();
  const int size = place.steps->size();
  // Often at the end, where all is there.
  place.index = bench.random->OneIn(3) ? size : bench.random->BelowInt(size + 1);
  bench.life->Restart();
  if (!bench.options.legality) return place;
  InOrder(*bench.sequence, [&](int thread, int index) {
    if (thread == place.thread && index == place.index) return false;
    bench.life->Take(bench.sequence->threads(thread).steps(index));
    return true;
  });
  return place;
}

void Edit(const Bench& bench) {
  uint32_t at = bench.random->Below(Total());
  for (const Entry& entry : kEdits) {
    if (at < entry.weight) return entry.edit(bench);
    at -= entry.weight;
  }
}

void Splice(const Sequence& other, const Bench& bench) {
  if (other.threads().empty()) return;
  MakeRoom(bench);
  const Place place = AnyPlace(bench);
  Random* random = bench.random;
  Renumber numbers(bench.life);
  const Steps& from = other.threads(0).steps();
  // From its beginning, for that is where it makes what it needs; mostly all of it.
  const int count = random->OneIn(2) ? from.size() : random->BelowInt(from.size() + 1);
  int at = place.index;
  for (int i = 0; i < count; ++i) {
    Step* step = InsertStep(place.steps, at++);
    *step = from.Get(i);
    numbers.Apply(step);
  }
  for (const Script& script : other.scripts()) SpliceScript(script, &numbers, bench.sequence);
  for (int t = 1; t < other.threads_size() && bench.sequence->threads_size() < 4; ++t) {
    Thread* thread = bench.sequence->add_threads();
    *thread = other.threads(t);
    for (Step& step : *thread->mutable_steps()) numbers.Apply(&step);
  }
  Schedule* schedule = bench.sequence->mutable_schedule();
  for (const FixedChoice& fixed : other.schedule().fixed()) {
    const bool there = std::any_of(schedule->fixed().begin(), schedule->fixed().end(),
                                   [&](const FixedChoice& mine) { return mine.name() == fixed.name(); });
    if (!there && schedule->fixed_size() < 8) *schedule->add_fixed() = fixed;
  }
  if (other.setup().manual() && count == from.size() && place.index == 0)
    bench.sequence->mutable_setup()->set_manual(true);
}

}  // namespace wskcert::fuzz
