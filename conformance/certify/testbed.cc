#include "conformance/certify/testbed.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "conformance/certify/emulated_peers.h"
#include "conformance/executor/executor.h"
#include "implementations/driver_shim/hosted/peer_sights.h"
#include "implementations/emulator/emulator.h"
#include "implementations/emulator/kernel/runtime.h"
#include "implementations/emulator/provider/choices.h"
#include "implementations/emulator/transport/network.h"

namespace wskcert {
namespace {

constexpr uint16_t kYieldKind = emulator::kChoiceYield;

uint32_t EnvPeerAddress(void*, uint32_t peer, bool ipv6, void* address) {
  return emulator::PeerAddress(peer, ipv6, address);
}

uint32_t EnvPeerOfAddress(void*, const void* address) { return emulator::PeerOfAddress(address); }

// What the environment's functions and the peers' sink are given.
struct Surroundings {
  bool foreign = false;  // the provider is not the emulator's
  Session* session = nullptr;
  OneWayPeers one_way;
};

bool EnvPerform(void* context, const Stimulus* stimulus) {
  auto* surroundings = static_cast<Surroundings*>(context);
  const bool of_emulator = stimulus->op == Op::kSetReady || stimulus->op == Op::kTransportListChange;
  if (surroundings->foreign && of_emulator) return false;
  return PerformOnEmulator(&surroundings->one_way, *stimulus);
}

Quiet EnvSettle(void*) {
  emulator::Settle();
  return Quiet::kExact;
}

void EnvYield(void*) { emulator::Yield(kYieldKind); }
uint32_t EnvThreadNumber(void*) { return emulator::CurrentThreadNumber(); }
void EnvDally(void*, Edge edge) {
  // Beyond the kinds of choice points that runtime and provider have.
  constexpr uint16_t kFirstEdge = emulator::kChoiceEnd;
  emulator::Dally(kFirstEdge + static_cast<uint16_t>(edge));
}
void EnvNote(void*, const char* text) { emulator::SetBlockedNote(text); }

void OnPeerEvent(void* context, const emulator::PeerEvent* event) {
  auto* surroundings = static_cast<Surroundings*>(context);
  surroundings->one_way.Saw(*event);
  PeerSaw(surroundings->session, SightOf(event->kind), event->peer, event->data, event->length);
}

void Enter(void* session) { Play(static_cast<Session*>(session)); }

Ending EndingOf(emulator::Ending ending) {
  switch (ending) {
    case emulator::Ending::kFinished:
      return Ending::kFinished;
    case emulator::Ending::kBugCheck:
      return Ending::kBugCheck;
    case emulator::Ending::kDeadlock:
      return Ending::kDeadlock;
    case emulator::Ending::kLivelock:
      return Ending::kLivelock;
  }
  return Ending::kCrashed;
}

std::string ReportText(const emulator::RunReport& report) {
  switch (report.ending) {
    case emulator::Ending::kBugCheck:
      return absl::StrFormat("bugcheck 0x%X: %s", report.bug_check.code, report.bug_check.message);
    case emulator::Ending::kDeadlock:
      return absl::StrCat("deadlock: ", report.deadlock);
    case emulator::Ending::kLivelock:
      return absl::StrCat("livelock: nothing came to rest within ", report.steps, " scheduling steps");
    case emulator::Ending::kFinished:
      break;
  }
  if (report.leaks.first[0] != '\0') return absl::StrCat("leaked: ", report.leaks.first);
  return "";
}

}  // namespace

struct Testbed::State {
  Options options;
  std::vector<Observation> own_log;
  Observation* log = nullptr;
  uint32_t used = 0;  // records of `log` that an earlier run may have filled
  std::vector<uint64_t> memory;
  std::vector<uint8_t> fixed;
  Surroundings surroundings;
  Played played;
};

uint64_t EmulatorCapabilities() {
  const auto bit = [](Capability capability) { return static_cast<uint64_t>(capability); };
  return bit(Capability::kExactQuiescence) | bit(Capability::kIrqlVisible) | bit(Capability::kHoldAtPassive) |
         bit(Capability::kBacklogControl) | bit(Capability::kBreakSocket) |
         bit(Capability::kFailAllocations) | bit(Capability::kHoldAcks) | bit(Capability::kIpv6) |
         bit(Capability::kListeners) | bit(Capability::kDatagrams) | bit(Capability::kHalfOpenDrops) |
         bit(Capability::kNoHalfOpen) | bit(Capability::kSetReady) | bit(Capability::kPushBit) |
         bit(Capability::kCasts) | bit(Capability::kSchedule) | bit(Capability::kFailNth);
}

std::vector<NamedChoice> EmulatorChoices() {
  std::vector<NamedChoice> choices;
  for (uint16_t kind = 0; kind < emulator::kFirstProviderChoice; ++kind) {
    const char* name = emulator::ChoiceName(kind);
    if (name[0] != '?') choices.push_back({name, kind});
  }
  for (uint16_t kind = emulator::kFirstProviderChoice; kind < emulator::kChoiceEnd; ++kind) {
    const char* name = emulator::ProviderChoiceName(kind);
    if (name[0] != '?') choices.push_back({name, kind});
  }
  return choices;
}

Testbed::Testbed(const Options& options) : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->log = options.log;
  if (state_->log == nullptr) {
    state_->own_log.resize(options.log_capacity);
    state_->log = state_->own_log.data();
  }
}

Testbed::~Testbed() = default;

const Played& Testbed::Play(const Program& program) {
  State& s = *state_;
  const ProgramHeader& header = program.header();
  for (uint32_t i = 0; i < s.used; ++i) s.log[i].ready = 0;
  const size_t bytes = SessionBytes(program.data());
  // 16-byte alignment: vectors of this size come from malloc, which gives it.
  if (s.memory.size() * 8 < bytes) s.memory.resize((bytes + 7) / 8);
  const bool at_random = s.options.random_choices;
  s.fixed.assign(program.choices().empty() && !at_random ? 0 : emulator::kChoiceEnd, 0xFF);
  // On real threads a call can return that a socket is dead just before the indication that tells so is seen
  // to begin. What then is evidence and what a provider that gives up for nothing, no trace shows.
  if (at_random) s.fixed[emulator::kChoiceSpontaneousBreak] = 0;
  for (const ProgramChoice& choice : program.choices()) {
    if (choice.kind < s.fixed.size()) s.fixed[choice.kind] = static_cast<uint8_t>(choice.value);
  }

  Environment environment = {};
  environment.capabilities = EmulatorCapabilities();
  environment.exports = emulator::EmulatorExports();
  if (s.options.interpose != nullptr) {
    environment.exports = s.options.interpose(environment.exports, s.options.interpose_context);
  }
  s.surroundings.one_way.Clear();
  s.surroundings.foreign = s.options.foreign_provider;
  environment.context = &s.surroundings;
  environment.PeerAddress = EnvPeerAddress;
  environment.PeerOfAddress = EnvPeerOfAddress;
  environment.Perform = EnvPerform;
  environment.Settle = EnvSettle;
  environment.Yield = EnvYield;
  environment.ThreadNumber = EnvThreadNumber;
  environment.Note = EnvNote;
  const bool threads = s.options.scheduler == Scheduler::kThreads;
  if (threads) environment.Dally = EnvDally;

  // One record is kept back for the end.
  const uint32_t capacity = s.options.log_capacity - 1;
  emulator::EmulatorReset();
  Session* session =
      CreateSession(s.memory.data(), s.memory.size() * 8, program.data(), s.log, capacity, &environment);
  s.surroundings.session = session;
  emulator::NetworkSetPeerSink(OnPeerEvent, &s.surroundings);

  emulator::RunOptions options;
  options.schedule = program.schedule().data();
  options.schedule_size = program.schedule().size();
  options.fixed_choices = s.fixed.data();
  options.fixed_choice_count = s.fixed.size();
  options.fail_allocation = header.fail_allocation;
  options.step_budget = s.options.step_budget != 0 ? s.options.step_budget : 100000 + 10000ull * header.steps;
  options.threads = threads ? emulator::Threads::kReal : emulator::Threads::kFibers;
  options.seed = s.options.seed++;
  options.random_choices = at_random;
  options.visible_runtime = s.options.visible_runtime;
  emulator::RunReport report;
  emulator::Run(options, Enter, session, &report);
  emulator::NetworkSetPeerSink(nullptr, nullptr);
  AbandonSession(session);

  s.played.capabilities = environment.capabilities;
  s.played.ending = LogOverflowed(session) ? Ending::kOverflow : EndingOf(report.ending);
  // What a client leaves open is its own affair.
  if (LeftOpen(session)) report.leaks.first[0] = '\0';
  s.played.leaked = report.ending == emulator::Ending::kFinished && report.leaks.first[0] != '\0';
  s.played.report = ReportText(report);
  s.played.allocations = report.allocations;
  const uint32_t count = LogCount(session);
  Observation& end = s.log[count];
  end = {};
  end.kind = static_cast<uint8_t>(Seen::kEnd);
  end.code = static_cast<uint8_t>(s.played.ending);
  end.status = report.ending == emulator::Ending::kBugCheck ? report.bug_check.code : 0;
  end.socket = end.irp = end.peer = end.target = kNoSlot;
  end.begin = end.enclosing = end.step = kNoIndex;
  end.ready = 1;
  s.used = count + 1;
  s.played.log = absl::MakeConstSpan(s.log, count + 1);
  return s.played;
}

}  // namespace wskcert
