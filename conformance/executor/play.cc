// A session from beginning to end: set-up, the client's threads, tear-down.
#include "conformance/executor/session.h"

namespace wskcert {
namespace {

constexpr size_t Align(size_t size) { return (size + 15) & ~static_cast<size_t>(15); }

const ProgramHeader* HeaderOf(const void* program) { return static_cast<const ProgramHeader*>(program); }

const ProgramStep* StepsOf(const ProgramHeader* header) {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(header) + sizeof(ProgramHeader);
  at += header->threads * sizeof(ProgramThread) + header->scripts * sizeof(ProgramScript);
  return reinterpret_cast<const ProgramStep*>(at);
}

// Room for every transfer of the client's threads, and for a few calls of each script.
uint32_t ArenaSize(const ProgramHeader* header) {
  const ProgramStep* steps = StepsOf(header);
  uint64_t total = 4096;
  for (uint32_t i = 0; i < header->steps; ++i) {
    if (steps[i].length != 0) total += Align(steps[i].length) * (header->scripts != 0 ? 4 : 1);
  }
  return total < kArenaLimit ? static_cast<uint32_t>(total) : kArenaLimit;
}

struct Layout {
  size_t sockets, irps, peers, holds, retained, inspects, ids, next_script, arena, total;
};

Layout LayoutOf(const ProgramHeader* header) {
  Layout layout;
  size_t at = Align(sizeof(Session));
  const auto take = [&at](size_t count, size_t size) {
    const size_t here = at;
    at = Align(at + count * size);
    return here;
  };
  layout.sockets = take(header->sockets, sizeof(SocketSlot));
  layout.irps = take(header->irps + header->sockets, sizeof(IrpSlot));
  layout.peers = take(header->peers, sizeof(PeerSlot));
  layout.holds = take(header->holds, sizeof(HoldSlot));
  layout.retained = take(header->retained, sizeof(RetainedSlot));
  layout.inspects = take(header->inspects, sizeof(InspectSlot));
  layout.ids = take(16 + 4u * header->peers, sizeof(SeenId));
  layout.next_script = take(header->scripts, sizeof(uint16_t));
  layout.arena = take(ArenaSize(header), 1);
  layout.total = at;
  return layout;
}

void LinkScripts(Session* session) {
  session->first_completion_script = kNoSlot;
  // Backwards, so that each list is in the program's order.
  for (uint32_t i = session->header->scripts; i-- > 0;) {
    const ProgramScript& script = session->scripts[i];
    uint16_t* head = script.event == kScriptOnCompletion ? &session->first_completion_script
                                                         : &session->sockets[script.socket].first_script;
    session->next_script[i] = *head;
    *head = static_cast<uint16_t>(i);
  }
}

void InitialiseSlots(Session* session) {
  const ProgramHeader* header = session->header;
  for (uint16_t i = 0; i < header->sockets; ++i) {
    SocketSlot* slot = &session->sockets[i];
    RtlZeroMemory(slot, sizeof(*slot));
    slot->session = session;
    slot->index = i;
    slot->peer = kNoSlot;
    slot->listener = kNoSlot;
    slot->first_script = kNoSlot;
  }
  for (uint32_t i = 0; i < session->IrpCount(); ++i) {
    IrpSlot* slot = &session->irps[i];
    RtlZeroMemory(slot, FIELD_OFFSET(IrpSlot, memory));
    slot->session = session;
    slot->index = static_cast<uint16_t>(i);
  }
  for (uint32_t i = 0; i < header->peers; ++i) {
    session->peers[i] = {};
    session->peers[i].socket = kNoSlot;
  }
  for (uint32_t i = 0; i < header->holds; ++i) {
    KeInitializeEvent(&session->holds[i].released, NotificationEvent, FALSE);
    session->holds[i].entered = 0;
  }
  if (header->retained != 0) RtlZeroMemory(session->retained, header->retained * sizeof(RetainedSlot));
  if (header->inspects != 0) RtlZeroMemory(session->inspects, header->inspects * sizeof(InspectSlot));
  RtlZeroMemory(session->ids, session->IdCapacity() * sizeof(SeenId));
  session->ids_taken = 0;
}

}  // namespace

void RecordStimulus(Session* session, Op op, uint16_t irp, uint32_t step_index, uint32_t length) {
  uint32_t begin;
  Observation* o = Reserve(session, Seen::kStimulusBegin, &begin);
  if (o == nullptr) return;
  o->op = static_cast<uint16_t>(op);
  o->irp = irp;
  o->step = step_index;
  o->length = length;
  Publish(o);
  uint32_t end;
  o = Reserve(session, Seen::kStimulusEnd, &end);
  if (o == nullptr) return;
  o->op = static_cast<uint16_t>(op);
  o->irp = irp;
  o->step = step_index;
  o->begin = begin;
  Publish(o);
}

namespace {

struct ThreadStart {
  Session* session;
  uint32_t number;
};

VOID ClientThread(PVOID context) {
  const ThreadStart* start = static_cast<const ThreadStart*>(context);
  const ProgramThread& thread = start->session->threads[start->number];
  RunSteps(start->session, thread.first_step, thread.step_count, false);
  PsTerminateSystemThread(STATUS_SUCCESS);
}

void RunOne(Session* session, Op op, uint16_t client, uint16_t socket, uint16_t irp, uint32_t length) {
  ProgramStep step = {};
  step.op = static_cast<uint16_t>(op);
  step.client = static_cast<uint8_t>(client);
  step.socket = socket;
  step.irp = irp;
  step.peer = step.target = kNoSlot;
  step.length = length;
  RunStep(session, &step, kNoIndex, false);
}

void RunThreads(Session* session) {
  PVOID objects[kMaxThreads];
  ThreadStart starts[kMaxThreads];
  const uint32_t threads = session->header->threads;
  for (uint32_t i = 1; i < threads; ++i) {
    objects[i] = nullptr;
    starts[i] = {session, i};
    HANDLE handle;
    if (!NT_SUCCESS(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, nullptr, nullptr, nullptr, ClientThread,
                                         &starts[i]))) {
      continue;
    }
    if (!NT_SUCCESS(ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, nullptr, KernelMode, &objects[i],
                                              nullptr))) {
      objects[i] = nullptr;
    }
    ZwClose(handle);
  }
  RunSteps(session, session->threads[0].first_step, session->threads[0].step_count, false);
  for (uint32_t i = 1; i < threads; ++i) {
    if (objects[i] == nullptr) continue;
    if (session->environment.Note != nullptr) {
      session->environment.Note(session->environment.context,
                                "waiting for another client thread to finish its steps");
    }
    KeWaitForSingleObject(objects[i], Executive, KernelMode, FALSE, nullptr);
    ObDereferenceObject(objects[i]);
  }
}

void ReleaseEverything(Session* session) {
  const ProgramHeader* header = session->header;
  bool released = false;
  for (uint32_t i = 0; i < header->retained; ++i) {
    if (ReadAcquire(&session->retained[i].state) != kSlotFull) continue;
    ProgramStep step = {};
    step.op = static_cast<uint16_t>(Op::kRelease);
    step.socket = session->retained[i].socket;
    step.irp = step.peer = kNoSlot;
    step.target = static_cast<uint16_t>(i);
    RunStep(session, &step, kNoIndex, false);
    released = true;
  }
  if (released) SettleAndRecord(session, kNoIndex);
  for (uint16_t i = 0; i < header->sockets; ++i) {
    const volatile LONG* state = &session->sockets[i].state;
    if (ReadAcquire(state) != kSocketOpen) continue;
    // Further tries, for there may be no memory for its IRP where allocations are made to fail.
    for (int tries = 0; tries < 8 && ReadAcquire(state) == kSocketOpen; ++tries) {
      RunOne(session, Op::kClose, session->sockets[i].client, i, static_cast<uint16_t>(header->irps + i), 0);
    }
  }
}

void ReleaseCaptures(Session* session, uint16_t client) {
  while (ReadAcquire(&session->clients[client].captured) > 0) {
    RunOne(session, Op::kReleaseNpi, client, kNoSlot, kNoSlot, 0);
  }
}

void LeaveEverything(Session* session) {
  // An IRP that did not come back would make WskDeregister wait for ever: the judge has been told, so leave
  // it.
  if (CountOf(&session->outstanding) != 0) return;
  for (uint16_t i = 0; i < session->header->clients; ++i) {
    ReleaseCaptures(session, i);
    if (ReadAcquire(&session->clients[i].state) == kRegistered)
      RunOne(session, Op::kDeregister, i, kNoSlot, kNoSlot, 0);
  }
}

// Waits for silence, then undoes what the program left: holds, lists, sockets, registrations. All of it is
// observed.
void TearDown(Session* session) {
  SettleAndRecord(session, kNoIndex);
  for (uint32_t i = 0; i < session->header->holds; ++i) {
    KeSetEvent(&session->holds[i].released, IO_NO_INCREMENT, FALSE);
  }
  if (session->header->holds != 0) SettleAndRecord(session, kNoIndex);
  if (session->header->manual_teardown != 0) return;
  ReleaseEverything(session);
  SettleAndRecord(session, kNoIndex);
  LeaveEverything(session);
}

// Made and not closed. One that is being made is told by its IRP.
bool IsThere(LONG state) { return state == kSocketOpen || state == kSocketClosing; }

}  // namespace

size_t SessionBytes(const void* program) { return LayoutOf(HeaderOf(program)).total; }

Session* CreateSession(void* memory, size_t memory_size, const void* program, Observation* log,
                       uint32_t log_capacity, const Environment* environment) {
  const ProgramHeader* header = HeaderOf(program);
  const Layout layout = LayoutOf(header);
  if (memory_size < layout.total) return nullptr;
  uint8_t* base = static_cast<uint8_t*>(memory);
  Session* session = static_cast<Session*>(memory);
  RtlZeroMemory(session, sizeof(*session));
  session->header = header;
  const uint8_t* at = static_cast<const uint8_t*>(program) + sizeof(ProgramHeader);
  session->threads = reinterpret_cast<const ProgramThread*>(at);
  session->scripts = reinterpret_cast<const ProgramScript*>(at + header->threads * sizeof(ProgramThread));
  session->steps = StepsOf(header);
  session->environment = *environment;
  session->exports = static_cast<const WSK_EXPORTS*>(environment->exports);
  session->log = log;
  session->log_capacity = log_capacity;
  for (uint32_t& innermost : session->innermost) innermost = kNoIndex;
  session->sockets = reinterpret_cast<SocketSlot*>(base + layout.sockets);
  session->irps = reinterpret_cast<IrpSlot*>(base + layout.irps);
  session->peers = reinterpret_cast<PeerSlot*>(base + layout.peers);
  session->holds = reinterpret_cast<HoldSlot*>(base + layout.holds);
  session->retained = reinterpret_cast<RetainedSlot*>(base + layout.retained);
  session->inspects = reinterpret_cast<InspectSlot*>(base + layout.inspects);
  session->ids = reinterpret_cast<SeenId*>(base + layout.ids);
  session->next_script = reinterpret_cast<uint16_t*>(base + layout.next_script);
  session->arena = base + layout.arena;
  session->arena_size = ArenaSize(header);
  InitialiseSlots(session);
  LinkScripts(session);
  return session;
}

void Play(Session* session) {
  AddSession(session);
  if (session->header->fail_allocation != 0) {
    // Done by the host already; recorded, because what fails for it is nobody's fault.
    RecordStimulus(session, Op::kFailAllocations, kNoSlot, kNoIndex, session->header->fail_allocation);
  }
  if (session->header->manual_setup == 0) {
    for (uint16_t i = 0; i < session->header->clients; ++i) {
      RunOne(session, Op::kRegister, i, kNoSlot, kNoSlot, 0);
      RunOne(session, Op::kCapture, i, kNoSlot, kNoSlot, WSK_INFINITE_WAIT);
    }
  }
  RunThreads(session);
  TearDown(session);
  FreeIrps(session);
  AbandonSession(session);
}

void Sweep(Session* session) {
  // A request that was under way may bring one socket more.
  for (int tries = 0; tries < 4; ++tries) {
    if (WhatIsKept(session).sockets == 0 && CountOf(&session->outstanding) == 0) break;
    ReleaseEverything(session);
    SettleAndRecord(session, kNoIndex);
  }
  if (WhatIsKept(session).sockets == 0) LeaveEverything(session);
  FreeIrps(session);
}

void GiveBack(Session* session) {
  for (uint32_t i = 0; i < session->header->holds; ++i) {
    KeSetEvent(&session->holds[i].released, IO_NO_INCREMENT, FALSE);
  }
  ReleaseEverything(session);
  for (uint16_t i = 0; i < session->header->clients; ++i) ReleaseCaptures(session, i);
}

Kept WhatIsKept(const Session* session) {
  Kept kept = {};
  for (uint32_t i = 0; i < session->IrpCount(); ++i) {
    if (session->irps[i].irp != nullptr) ++kept.irps;
  }
  for (uint32_t i = 0; i < session->header->sockets; ++i) {
    if (IsThere(ReadAcquire(&session->sockets[i].state))) ++kept.sockets;
  }
  for (uint32_t i = 0; i < session->header->clients; ++i) {
    const ClientSlot& client = session->clients[i];
    if (ReadAcquire(&client.state) == kRegistered || ReadAcquire(&client.inside) != 0) ++kept.registrations;
  }
  kept.calls = static_cast<uint32_t>(CountOf(&session->inside));
  return kept;
}

void PeerSaw(Session* session, PeerSight sight, uint32_t peer, const uint8_t* bytes, uint32_t length) {
  if (peer >= session->header->peers) return;
  PeerSlot* slot = &session->peers[peer];
  const bool datagram = sight == PeerSight::kDatagram;
  const Decoded decoded = datagram ? DecodeDatagram(session, peer, true, bytes, length)
                                   : DecodePeer(session, peer, bytes, length);
  uint32_t stamp;
  Observation* o = Reserve(session, Seen::kPeerSaw, &stamp);
  if (o == nullptr) return;
  o->code = static_cast<uint8_t>(sight);
  o->peer = static_cast<uint16_t>(peer);
  o->socket = slot->socket;
  o->length = length;
  o->offset = decoded.offset;
  o->content = static_cast<uint8_t>(decoded.content);
  Publish(o);
  if (decoded.content == Content::kExact) {
    (datagram ? slot->datagrams_arrived : slot->received) = decoded.offset + length;
  }
  // A connection that no socket of ours has yet is over for its peer as well.
  const bool over = sight == PeerSight::kReset || sight == PeerSight::kRefused;
  if (over && slot->socket == kNoSlot) FreePeer(session, static_cast<uint16_t>(peer));
}

}  // namespace wskcert
