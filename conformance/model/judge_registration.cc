// Registration: WskRegister, WskCaptureProviderNPI and their ends, of several clients at once; and
// WskClientEvent.
//
// A capture may wait until the provider is ready, and WskDeregister waits for what its page lists. So both
// can be open at quiescence, and what is owed there is judged all the same. That WskDeregister waits is
// judged when it returns, by what the client has surely not ended by then: a release or a close that was not
// even begun.
#include "conformance/model/judge_state.h"

namespace wskcert::model {

namespace {

constexpr uint8_t kListChange = 3;  // WSK_TRANSPORT_LIST_CHANGE
constexpr uint32_t kInfiniteWait = 0xFFFFFFFF;

// Calls of functions in WSK_PROVIDER_DISPATCH.
bool OfProviderTable(Op op) {
  return op == Op::kSocket || op == Op::kSocketConnect || op == Op::kControlClient;
}

// Of the IRPs that concern no socket, which are those of WskControlClient.
bool IsListChange(const IrpState& irp) { return irp.code == kListChange; }

}  // namespace

void Judge::State::SetReadyBegin(const Observation& o) {
  ready = Ready::kUnknown;
  ready_stimulus = now;
  ready_beside = ready_open++ != 0;
  ready_next = o.code != 0 ? Ready::kYes : Ready::kNo;
}

void Judge::State::SetReadyEnd(const Observation& o) {
  Lower(ready_open);
  if (o.begin == ready_stimulus && !ready_beside && o.status == kStatusSuccess) ready = ready_next;
}

void Judge::State::RegistrationBegin(const Observation& o, OpenCall& call) {
  const Op op = static_cast<Op>(o.op);
  call.client = o.content;
  ClientState& c = clients[call.client];
  switch (op) {
    case Op::kRegister:
      call.mask = o.length;  // the version asked for
      c.registering = true;
      c.captured_early = 0;
      for (OpenCall& open : calls) {
        const bool capture = open.begin != kNoIndex && static_cast<Op>(open.op) == Op::kCapture;
        if (capture && open.client == call.client) open.anew = true;
      }
      break;
    case Op::kCapture:
      ++waiting_calls;
      call.mask = o.length;  // the longest wait
      call.ready = ready == Ready::kYes;
      call.unready = ready == Ready::kNo;
      call.too_late = c.deregister_end != kNoIndex || c.deregister_quiet;
      call.anew = c.registering;
      break;
    case Op::kReleaseNpi:
      if (c.captures != 0) --c.captures;
      Lower(c.captured_early);
      if (c.calls == 0) c.released_beside = false;
      if (c.captures == 0 && c.calls != 0) ReleasedBeside(call.client);
      break;
    case Op::kDeregister:
      ++waiting_calls;
      c.deregister_begin = now;
      c.deregister_end = kNoIndex;
      c.deregister_quiet = c.waits_releases = c.waits_sockets = c.rested = false;
      c.had_list_change = ClientIrps(call.client, true) != 0;
      break;
    default:
      if (OfProviderTable(op)) ++c.calls;
      break;
  }
}

// Calls of the provider's table go on while their client gives the NPI back. Nobody can tell that they were
// not made after that, so that they may fail.
void Judge::State::ReleasedBeside(uint8_t client) {
  clients[client].released_beside = true;
  StaticNotAlone(client);
  for (const OpenCall& open : calls) {
    const bool creates = open.begin != kNoIndex && static_cast<Op>(open.op) == Op::kSocket;
    if (creates && open.client == client) sockets[open.socket].foreign_static = 0;
  }
}

// Static callbacks are enabled for what a registration creates. `anew`: the one before is over, surely.
void Judge::State::StaticRegistered(uint8_t client, bool anew) {
  StaticNotAlone(client);
  for (PhaseSet& phases : static_phases[client])
    phases = anew ? SetOf(Phase::kNew) : static_cast<PhaseSet>(phases | SetOf(Phase::kNew));
  static_mask[client] = 0;
  if (!anew) return;
  static_asked[client] = false;
  sockets_of[client] = 0;
}

void Judge::State::Registered(ClientState& c, const OpenCall& call) {
  const ClientState before = c;
  if (c.registered) StaticRegistered(call.client, c.deregister_end != kNoIndex);
  c = ClientState();
  c.captures = before.captured_early;
  // Calls that have not returned may be of the registration before, and the provider may know of them only
  // now.
  c.calls = before.calls;
  c.released_beside = before.released_beside;
  c.registered = true;
  c.version = static_cast<uint16_t>(call.mask);
  client_event_given |= call.code != 0;
}

void Judge::State::RegistrationEnd(const Observation& o, const OpenCall& call) {
  ClientState& c = clients[call.client];
  const Op op = static_cast<Op>(call.op);
  switch (op) {
    case Op::kRegister:
      c.registering = false;
      if (!IsSuccess(o.status)) return;
      Registered(c, call);
      return;
    case Op::kCapture:
      --waiting_calls;
      return CaptureReturned(c, call, o.status);
    case Op::kQueryCharacteristics:
      if (!IsSuccess(o.status)) return;
      // Without a provider it would have failed.
      if (ready == Ready::kUnknown && ready_stimulus == kNoIndex) ready = Ready::kYes;
      c.versions_known = true;
      c.highest = static_cast<uint16_t>(o.information >> 16);
      c.lowest = static_cast<uint16_t>(o.information);
      return;
    case Op::kDeregister:
      --waiting_calls;
      return DeregisterReturned(call.client);
    default:
      if (OfProviderTable(op)) Lower(c.calls);
      return;
  }
}

// nf-wsk-wskcaptureprovidernpi.md, Return value and Remarks.
void Judge::State::CaptureReturned(ClientState& c, const OpenCall& call, Status status) {
  const bool success = IsSuccess(status);
  if (!success && starved) return;
  if (c.registered && !BadClient()) {
    const bool unsupported = c.versions_known && (c.version > c.highest || c.version < c.lowest);
    const bool supported = c.versions_known && !unsupported;
    const bool late = c.deregister_begin != kNoIndex;
    // The host has said something of the provider since the call began.
    const bool moved = ready_stimulus != kNoIndex && ready_stimulus > call.begin;
    if (call.anew) {
      // For which of the registrations it was is not known.
      if (call.unready && !moved && success) {
        Forbid({RuleId::kRegisterCaptureWait});
        return;
      }
    } else if (call.too_late && !unsupported) {
      if (status != kStatusDeviceNotReady) {
        Forbid({RuleId::kRegisterCaptureAfterDeregister});
        return;
      }
      Exercise(RuleId::kRegisterCaptureAfterDeregister);
    } else if (call.unready && !moved) {
      if (!UnreadyCapture(call, status, late)) return;
    } else if (unsupported && !late && call.ready && !moved) {
      if (status != kStatusNoInterface) {
        Forbid({RuleId::kRegisterCaptureUnknownVersion});
        return;
      }
      Exercise(RuleId::kRegisterCaptureUnknownVersion);
    } else if ((supported && status == kStatusNoInterface) || (unsupported && success)) {
      Forbid({RuleId::kRegisterCaptureUnknownVersion});
      return;
    } else if (success && call.blocked) {
      ExerciseWhenQuiet(RuleId::kRegisterCaptureWait);
    }
  }
  if (!success) return;
  if (ready == Ready::kUnknown && ready_stimulus == kNoIndex) ready = Ready::kYes;
  ++c.captures;
  // It may have found the registration that a WskRegister is just making.
  if (c.registering) ++c.captured_early;
}

// A capture that found no provider from beginning to end. False: refused.
bool Judge::State::UnreadyCapture(const OpenCall& call, Status status, bool late) {
  // registering-a-winsock-kernel-application.md, WaitTimeout: it returns when the provider is ready or when
  // the time is over, and with WSK_INFINITE_WAIT when WskDeregister ends it.
  const bool ended = late && call.blocked;
  if (IsSuccess(status)) return Refuse<RuleId::kRegisterCaptureWait>();
  if (ended && status != kStatusDeviceNotReady) return Refuse<RuleId::kRegisterCaptureBlockedEnds>();
  if (call.mask == kInfiniteWait && !late && status == kStatusDeviceNotReady) {
    return Refuse<RuleId::kRegisterCaptureWait>();
  }
  if (ended) {
    Exercise(RuleId::kRegisterCaptureBlockedEnds);
  } else if (!late) {
    Exercise(RuleId::kRegisterCaptureWait);
  }
  return true;
}

// A socket whose close has not completed: has the client surely not closed it?
bool Judge::State::SurelyOpen(const SocketState& s) const {
  return s.made && (s.closing ? s.running != 0 : !s.refused);
}

// Sockets of the client: surely open, or possibly.
void Judge::State::CountSockets(uint8_t client, uint32_t* surely, uint32_t* possibly) const {
  *surely = *possibly = 0;
  for (uint16_t slot : used_sockets) {
    const SocketState& s = sockets[slot];
    if (s.client != client || !s.created || s.closed || s.failed) continue;
    *possibly += 1;
    if (SurelyOpen(s)) *surely += 1;
  }
}

// IRPs that the client gave to functions of the provider's table and that have not completed.
uint32_t Judge::State::ClientIrps(uint8_t client, bool list_changes) const {
  uint32_t count = 0;
  for (uint16_t i = sockets[kNoSocketEntry].first_irp; i != kNone; i = irps[i].next) {
    count += irps[i].client == client && IsListChange(irps[i]) == list_changes ? 1 : 0;
  }
  return count;
}

// nf-wsk-wskderegister.md, Remarks, list.
void Judge::State::DeregisterReturned(uint8_t client) {
  ClientState& c = clients[client];
  c.deregister_end = now;
  if (BadClient()) return;
  uint32_t surely, possibly;
  CountSockets(client, &surely, &possibly);
  if (c.captures != 0) {
    Forbid({RuleId::kRegisterDeregisterWaitsForReleases});
    return;
  }
  if (surely != 0) {
    Forbid({RuleId::kRegisterDeregisterWaitsForSockets});
    return;
  }
  if (ClientIrps(client, false) != 0) Forbid({RuleId::kRegisterDeregisterWaitsForIrps});
  if (c.waits_releases) Exercise(RuleId::kRegisterDeregisterWaitsForReleases);
  if (c.waits_sockets) Exercise(RuleId::kRegisterDeregisterWaitsForSockets);
}

// A completion routine that ran inside a call of the provider's table has returned. While it ran the call was
// surely in progress, and the provider knew of it. WskDeregister may have looked before, unless it was called
// later, or had to wait for a release all the same.
void Judge::State::NestedCompletionEnded(const Observation& o) {
  if (BadClient()) return;
  const OpenCall* call = CallOf(references[o.begin].parent);
  if (call == nullptr || !OfProviderTable(static_cast<Op>(call->op))) return;
  const ClientState& c = clients[call->client];
  if (c.deregister_begin == kNoIndex) return;
  // Its IRP, if it has not been passed again since.
  const bool kept = irps[call->irp].call == call->begin && irps[call->irp].captured;
  const bool known = c.deregister_begin > o.begin || kept;
  if (!known) return;
  if (c.deregister_end != kNoIndex) {
    if (c.deregister_end > o.begin) Forbid({RuleId::kRegisterDeregisterWaitsForCalls});
    return;
  }
  uint32_t surely, possibly;
  CountSockets(call->client, &surely, &possibly);
  if (c.captures == 0 && surely == 0) Exercise(RuleId::kRegisterDeregisterWaitsForCalls);
}

// Exact quiescence: who may still wait? While a callback runs that is no question, for the provider may be
// kept by it.
void Judge::State::QuietRegistration() {
  if (BadClient() || starved) return;
  for (uint8_t client = 0; client < kMaxClients && running_total != 0; ++client) {
    ClientState& c = clients[client];
    if (c.deregister_begin == kNoIndex || c.deregister_end != kNoIndex) continue;
    uint32_t surely, possibly;
    CountSockets(client, &surely, &possibly);
    c.waits_sockets |= c.captures == 0 && surely != 0;
  }
  if (running_total != 0) return;
  for (const OpenCall& open : calls) {
    if (open.begin == kNoIndex || refusal.refused) continue;
    if (static_cast<Op>(open.op) == Op::kCapture) QuietCapture(open);
  }
  for (uint8_t client = 0; client < kMaxClients && !refusal.refused; ++client) {
    if (clients[client].deregister_begin != kNoIndex) QuietDeregister(client);
  }
}

void Judge::State::QuietCapture(const OpenCall& open) {
  const ClientState& c = clients[open.client];
  if (!c.registered) return;
  if (c.deregister_begin != kNoIndex) {
    Forbid({open.too_late ? RuleId::kRegisterCaptureAfterDeregister : RuleId::kRegisterCaptureBlockedEnds});
  } else if (ready == Ready::kUnknown) {
    return;
  } else if (ready == Ready::kYes || open.mask != kInfiniteWait) {
    Forbid({RuleId::kRegisterCaptureWait});
  } else {
    CallOf(open.begin)->blocked = true;
  }
}

void Judge::State::QuietDeregister(uint8_t client) {
  ClientState& c = clients[client];
  const bool open = c.deregister_end == kNoIndex;
  uint32_t surely, possibly;
  CountSockets(client, &surely, &possibly);
  const uint32_t pending = ClientIrps(client, false);
  const bool kept = c.captures != 0 || possibly != 0 || pending != 0 || c.calls != 0;
  // wsk-transport-list-change.md: cancelled. When, while something else keeps WskDeregister, is not said.
  if (ClientIrps(client, true) != 0) {
    if (!open || !kept) Forbid({RuleId::kRegisterDeregisterCancelsListChange});
    return;
  }
  if (c.had_list_change && (!open || !kept)) Exercise(RuleId::kRegisterDeregisterCancelsListChange);
  if (open && !kept) {
    Forbid({RuleId::kRunCallsReturn});
    return;
  }
  if (open) {
    // What keeps it now, and nothing else.
    c.deregister_quiet = true;
    c.waits_releases |= c.captures != 0 && possibly == 0;
    c.waits_sockets |= c.captures == 0 && surely != 0;
    return;
  }
  if (c.rested) return;
  c.rested = true;
  for (uint16_t slot : used_sockets) {
    const SocketState& s = sockets[slot];
    if (s.client == client && s.closed && s.tempted_after_close) {
      Exercise(RuleId::kRegisterDeregisterNoCallbackAfter);
    }
  }
}

// WskDeregister or a capture is never to return: may it wait?
bool Judge::State::MayWait(const OpenCall& call) const {
  const ClientState& c = clients[call.client];
  if (static_cast<Op>(call.op) == Op::kCapture) return ready != Ready::kYes && call.mask == kInfiniteWait;
  if (static_cast<Op>(call.op) != Op::kDeregister) return false;
  uint32_t surely, possibly;
  CountSockets(call.client, &surely, &possibly);
  const bool irps = ClientIrps(call.client, false) != 0 || ClientIrps(call.client, true) != 0;
  return c.captures != 0 || possibly != 0 || irps || c.calls != 0 || c.deregister_quiet || running_total != 0;
}

}  // namespace wskcert::model
