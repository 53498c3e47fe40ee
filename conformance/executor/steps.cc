// Steps: what a program's records make the executor do.
#include "conformance/executor/callback.h"
#include "conformance/executor/functions.h"
#include "conformance/executor/pattern.h"
#include "conformance/executor/session.h"

namespace wskcert {
namespace {

const NPIID kForeignNpi = {0x7D3A0C51, 0x51E4, 0x4C0B, {0x9B, 0x0E, 0x44, 0x13, 0x72, 0x9A, 0x60, 0x1D}};
const NPIID kWskNpiCopy = {0x2227E803, 0x8D8B, 0x11D4, {0xAB, 0xAD, 0x00, 0x90, 0x27, 0x71, 0x9E, 0x09}};

// Nobody has ever seen it called. Its context is the client's slot.
NTSTATUS WSKAPI ClientEvent(PVOID context, ULONG, PVOID, SIZE_T) {
  Session* session;
  const uint8_t client = ClientOf(context, &session);
  if (client == kMaxClients) {
    BadContext(session, Event::kClientEvent);
    return STATUS_NOT_IMPLEMENTED;
  }
  uint32_t begin;
  Observation* o = Reserve(session, Seen::kCallbackBegin, &begin);
  if (o != nullptr) {
    o->op = static_cast<uint16_t>(Event::kClientEvent);
    o->code = client;
    Publish(o);
  }
  uint32_t end;
  o = Reserve(session, Seen::kCallbackEnd, &end);
  if (o != nullptr) {
    o->op = static_cast<uint16_t>(Event::kClientEvent);
    o->begin = begin;
    o->status = static_cast<Status>(STATUS_NOT_IMPLEMENTED);
    Publish(o);
  }
  return STATUS_NOT_IMPLEMENTED;
}

void Register(Session* session, Call* call) {
  const ProgramStep* step = call->step;
  ClientSlot* client = &session->clients[step->client];
  // A call that has not returned still uses the registration block.
  if (ReadAcquire(&client->state) == kRegistered || ReadAcquire(&client->inside) != 0 ||
      ReadAcquire(&client->captured) > 0) {
    return AbandonCall(call, SkipReason::kFullSlot);
  }
  const bool event = (step->flags & 1) == 0;
  client->dispatch.Version = step->code != 0 ? static_cast<USHORT>(step->code) : MAKE_WSK_VERSION(1, 0);
  client->dispatch.Reserved = 0;
  client->dispatch.WskClientEvent = event ? ClientEvent : nullptr;
  WSK_CLIENT_NPI npi;
  npi.ClientContext = client;
  npi.Dispatch = &client->dispatch;
  InterlockedIncrement(&client->inside);
  InterlockedExchange(&client->npi_state, 0);
  BeginCall(call, client->dispatch.Version, 0, event ? 1 : 0);
  const NTSTATUS status = session->exports->Register(&npi, &client->registration);
  if (NT_SUCCESS(status)) InterlockedExchange(&client->state, kRegistered);
  EndCall(call, status);
  InterlockedDecrement(&client->inside);
}

void Capture(Session* session, Call* call) {
  ClientSlot* client = &session->clients[call->step->client];
  if (ReadAcquire(&client->state) == kNeverRegistered) return AbandonCall(call, SkipReason::kNotSetUp);
  InterlockedIncrement(&client->inside);
  WSK_PROVIDER_NPI npi = {};
  BeginCall(call, call->step->length, 0, 0);
  const NTSTATUS status =
      session->exports->CaptureProviderNPI(&client->registration, call->step->length, &npi);
  if (NT_SUCCESS(status)) {
    // Every capture of a registration brings the same, and other threads may be using it.
    if (InterlockedCompareExchange(&client->npi_state, 1, 0) == 0) {
      client->npi = npi;
      InterlockedExchange(&client->npi_state, 2);
    }
    while (ReadAcquire(&client->npi_state) != 2) session->environment.Yield(session->environment.context);
    InterlockedIncrement(&client->captured);
  }
  EndCall(call, status);
  InterlockedDecrement(&client->inside);
}

void Leave(Session* session, Call* call, Op op) {
  ClientSlot* client = &session->clients[call->step->client];
  const bool releases = op == Op::kReleaseNpi;
  // Taken at once, so that of two threads only one leaves.
  if (releases && InterlockedDecrement(&client->captured) < 0) {
    InterlockedIncrement(&client->captured);
    return AbandonCall(call, SkipReason::kNotSetUp);
  }
  if (!releases && InterlockedCompareExchange(&client->state, kLeft, kRegistered) != kRegistered) {
    return AbandonCall(call, SkipReason::kNotSetUp);
  }
  if (session->environment.Note != nullptr) {
    session->environment.Note(session->environment.context,
                              releases ? "inside WskReleaseProviderNPI" : "inside WskDeregister");
  }
  InterlockedIncrement(&client->inside);
  BeginCall(call, 0, 0, 0);
  if (releases) {
    session->exports->ReleaseProviderNPI(&client->registration);
  } else {
    session->exports->Deregister(&client->registration);
  }
  EndCall(call, STATUS_SUCCESS);
  InterlockedDecrement(&client->inside);
}

void QueryCharacteristics(Session* session, Call* call) {
  ClientSlot* client = &session->clients[call->step->client];
  if (ReadAcquire(&client->state) != kRegistered) return AbandonCall(call, SkipReason::kNotSetUp);
  if (session->exports->QueryProviderCharacteristics == nullptr) {
    return AbandonCall(call, SkipReason::kNoFunction);
  }
  WSK_PROVIDER_CHARACTERISTICS versions = {};
  InterlockedIncrement(&client->inside);
  BeginCall(call, 0, 0, 0);
  const NTSTATUS status = session->exports->QueryProviderCharacteristics(&client->registration, &versions);
  EndCall(call, status, static_cast<uint32_t>(versions.HighestVersion) << 16 | versions.LowestVersion);
  InterlockedDecrement(&client->inside);
}

void ControlClient(Session* session, Call* call) {
  const ProgramStep* step = call->step;
  ClientSlot* client = &session->clients[step->client];
  WSK_EVENT_CALLBACK_CONTROL on_stack;
  WSK_EVENT_CALLBACK_CONTROL* control = call->irp != nullptr ? &call->irp->control : &on_stack;
  control->NpiId = const_cast<NPIID*>(NpiPointer(step->npi));
  control->EventMask = step->mask;
  SIZE_T size = step->size != 0 ? step->size : sizeof(*control);
  if (step->code == WSK_TRANSPORT_LIST_CHANGE) {
    // Takes and gives nothing, and completes when the list changes.
    control = nullptr;
    size = 0;
    if (call->irp != nullptr) call->irp->endless = 1;
  }
  BeginCall(call, static_cast<uint32_t>(size), step->npi, static_cast<uint8_t>(step->code));
  EndCall(call, client->npi.Dispatch->WskControlClient(client->npi.Client, step->code, size, control, 0,
                                                       nullptr, nullptr, IrpOf(*call)));
}

// WskSocket and WskSocketConnect: `call` holds no reference, for there is no socket yet.
void Create(Session* session, Call* call) {
  const ProgramStep* step = call->step;
  SocketSlot* socket = call->socket;
  ClientSlot* client = &session->clients[step->client];
  const bool connect = static_cast<Op>(step->op) == Op::kSocketConnect;
  alignas(8) uint8_t local[32] = {};
  alignas(8) uint8_t remote[32] = {};
  if (connect) {
    reinterpret_cast<SOCKADDR*>(local)->sa_family = session->header->ipv6 ? AF_INET6 : AF_INET;
    if (session->environment.PeerAddress(session->environment.context, step->peer, session->header->ipv6 != 0,
                                         remote) == 0 ||
        !TakePeer(session, step->peer, socket)) {
      return AbandonCall(call, SkipReason::kFullSlot);
    }
  }
  if (InterlockedCompareExchange(&socket->state, kSocketCreating, kSocketEmpty) != kSocketEmpty) {
    if (connect) FreePeer(session, step->peer);
    return AbandonCall(call, SkipReason::kFullSlot);
  }
  socket->client = step->client;
  socket->category = connect ? static_cast<uint8_t>(Category::kConnection) : static_cast<uint8_t>(step->code);
  const void* dispatch = ClientDispatch(socket, step->mask);
  const bool datagram = static_cast<Category>(socket->category) == Category::kDatagram;
  BeginCall(call, 0, 0, socket->category);
  const WSK_PROVIDER_DISPATCH* table = client->npi.Dispatch;
  NTSTATUS status;
  if (connect) {
    status = table->WskSocketConnect(client->npi.Client, SOCK_STREAM, IPPROTO_TCP,
                                     reinterpret_cast<PSOCKADDR>(local), reinterpret_cast<PSOCKADDR>(remote),
                                     0, socket, static_cast<const WSK_CLIENT_CONNECTION_DISPATCH*>(dispatch),
                                     nullptr, nullptr, nullptr, IrpOf(*call));
  } else {
    status = table->WskSocket(client->npi.Client, session->header->ipv6 ? AF_INET6 : AF_INET,
                              datagram ? SOCK_DGRAM : SOCK_STREAM, datagram ? IPPROTO_UDP : IPPROTO_TCP,
                              step->code, socket, dispatch, nullptr, nullptr, nullptr, IrpOf(*call));
  }
  EndCall(call, status);
}

void CancelIrp(Session* session, const ProgramStep* step, uint32_t step_index) {
  IrpSlot* irp = step->irp != kNoSlot ? &session->irps[step->irp] : nullptr;
  if (irp == nullptr) return Skip(session, step, step_index, SkipReason::kEmptySlot);
  // IRPs are not freed while the session lives, and not reused while this counts, so the pointer stays good
  // whatever completes meanwhile.
  CountUp(&irp->cancels);
  if (ReadAcquire(&irp->state) != kIrpOwned) {
    CountDown(&irp->cancels);
    return Skip(session, step, step_index, SkipReason::kEmptySlot);
  }
  Call call = {session, step, nullptr, nullptr, step_index, kNoIndex, 0, kNoIndex, KeGetCurrentIrql(), 0, 0};
  BeginCall(&call, 0, 0, 0);
  const BOOLEAN cancelled = IoCancelIrp(irp->irp);
  CountDown(&irp->cancels);
  EndCall(&call, cancelled ? STATUS_SUCCESS : STATUS_UNSUCCESSFUL);
}

void AwaitHold(Session* session, const ProgramStep* step, uint32_t step_index) {
  HoldSlot* hold = &session->holds[step->target];
  if (ReadAcquire(&hold->entered) == 0) SettleAndRecord(session, step_index);
  if (ReadAcquire(&hold->entered) == 0) Skip(session, step, step_index, SkipReason::kInVain);
}

void AwaitIrp(Session* session, const ProgramStep* step, uint32_t step_index) {
  if (step->irp == kNoSlot) return Skip(session, step, step_index, SkipReason::kEmptySlot);
  IrpSlot* irp = &session->irps[step->irp];
  const LONG state = ReadAcquire(&irp->state);
  if (state != kIrpFree && state != kIrpCompleted) SettleAndRecord(session, step_index);
  if (ReadAcquire(&irp->state) != kIrpCompleted) Skip(session, step, step_index, SkipReason::kInVain);
}

void ReadRetained(Session* session, const ProgramStep* step, uint32_t step_index) {
  RetainedSlot* slot = &session->retained[step->target];
  if (ReadAcquire(&slot->state) != kSlotFull) return Skip(session, step, step_index, SkipReason::kEmptySlot);
  SocketSlot* socket = &session->sockets[slot->socket];
  Indication read = {0, 0, {Content::kNone, kNoSlot, 0}, true};
  bool readable = true;
  if (IsDatagram(socket)) {
    readable = ReadDatagrams(session, static_cast<WSK_DATAGRAM_INDICATION*>(slot->list), &read);
  } else {
    // The bytes are those of the first reading, wherever the stream has got to since.
    const uint64_t expected = socket->received;
    socket->received = slot->offset;
    readable = ReadIndication(session, socket, static_cast<WSK_DATA_INDICATION*>(slot->list), &read);
    socket->received = expected;
  }
  uint32_t stamp;
  Observation* o = Reserve(session, Seen::kRetainedRead, &stamp);
  if (o == nullptr) return;
  o->socket = slot->socket;
  o->target = step->target;
  o->begin = slot->begin;
  o->step = step_index;
  o->length = static_cast<uint32_t>(read.bytes);
  o->offset = read.decoded.offset;
  o->content = static_cast<uint8_t>(readable && read.one_run ? read.decoded.content : Content::kCorrupt);
  Publish(o);
}

bool IsStimulus(Op op) { return op >= Op::kPeerListen && op < Op::kSettle; }
bool IsClientCall(Op op) { return op < Op::kBind; }

// Waiting is the client threads' own: a callback or completion routine must not.
bool Waits(Op op) {
  return op == Op::kSettle || op == Op::kAwaitHold || op == Op::kAwaitIrp || op == Op::kDeregister ||
         op == Op::kRegister || op == Op::kCapture;
}

}  // namespace

const NPIID* NpiPointer(uint8_t npi) {
  switch (static_cast<Npi>(npi)) {
    case Npi::kWsk:
      return &NPI_WSK_INTERFACE_ID;
    case Npi::kWskCopy:
      return &kWskNpiCopy;
    case Npi::kExtension:
      return &NPI_WSKEMU_PING_ID;
    case Npi::kForeign:
      return &kForeignNpi;
    case Npi::kNull:
      break;
  }
  return nullptr;
}

void SettleAndRecord(Session* session, uint32_t step_index) {
  const Quiet quiet = session->environment.Settle(session->environment.context);
  uint32_t stamp;
  Observation* o = Reserve(session, Seen::kQuiescence, &stamp);
  if (o == nullptr) return;
  o->code = static_cast<uint8_t>(quiet);
  o->step = step_index;
  Publish(o);
}

// The bytes and the address of a stimulus. What it takes is taken before it is handed over, for its effects
// may come before Perform returns. False: it cannot be.
static bool PrepareStimulus(Session* session, const ProgramStep* step, Stimulus* stimulus, uint8_t* address,
                            uint64_t* offset) {
  const bool datagram = stimulus->op == Op::kPeerSendDatagram;
  if (datagram || stimulus->op == Op::kPeerConnect || stimulus->op == Op::kBreakBound) {
    LocalAddressOf(session, step->socket, address);
    stimulus->address = address;
  }
  if (stimulus->op == Op::kPeerConnect) return TakePeer(session, step->peer, nullptr);
  if (!datagram && stimulus->op != Op::kPeerSend) return true;
  PeerSlot* peer = &session->peers[step->peer];
  Loose<uint64_t>* sent = datagram ? &peer->datagrams_sent : &peer->sent;
  *offset = *sent;
  if (step->length == 0) return true;
  uint8_t* bytes = ArenaBytes(session, step->length);
  if (bytes == nullptr) return false;
  *offset = CountBy<uint64_t>(sent->address(), step->length);
  FillPattern(StreamId(step->peer, datagram ? 0 : peer->generation, false), *offset, bytes, step->length);
  stimulus->bytes = bytes;
  return true;
}

static void TakeBack(Loose<uint64_t>* sent, uint64_t offset, uint32_t length) {
  // Unless another thread has gone on from there.
  uint64_t end = offset + length;
  __atomic_compare_exchange_n(sent->address(), &end, offset, false, kUpOrder, __ATOMIC_RELAXED);
}

static void UndoStimulus(Session* session, const ProgramStep* step, uint64_t offset) {
  switch (static_cast<Op>(step->op)) {
    case Op::kPeerConnect:
      FreePeer(session, step->peer);
      break;
    case Op::kPeerSend:
      TakeBack(&session->peers[step->peer].sent, offset, step->length);
      break;
    case Op::kPeerSendDatagram:
      TakeBack(&session->peers[step->peer].datagrams_sent, offset, step->length);
      break;
    default:
      break;
  }
}

bool TakePeer(Session* session, uint16_t peer, SocketSlot* socket) {
  PeerSlot* slot = &session->peers[peer];
  if (socket != nullptr && socket->peer != kNoSlot) return false;
  if (InterlockedCompareExchange(&slot->busy, 1, 0) != 0) return false;
  // What is on its way already would travel on the new connection.
  if (CountOf(&slot->sending) != 0) {
    InterlockedExchange(&slot->busy, 0);
    return false;
  }
  // Generation 0 is that of the datagrams.
  const auto next = static_cast<uint8_t>(slot->generation + 1);
  slot->generation = next != 0 ? next : uint8_t{1};
  slot->sent = 0;
  slot->received = 0;
  slot->socket = socket != nullptr ? socket->index : kNoSlot;
  if (socket != nullptr) {
    socket->peer = peer;
    socket->sent = 0;
    socket->received = 0;
  }
  return true;
}

void FreePeer(Session* session, uint16_t peer) {
  session->peers[peer].socket = kNoSlot;
  InterlockedExchange(&session->peers[peer].busy, 0);
}

// Has a peer send on a connection, alone: between the numbering of bytes and their way into the network no
// other thread's may slip in.
class Sending {
 public:
  explicit Sending(PeerSlot* peer) : peer_(peer), alone_(peer == nullptr || CountUp(&peer->sending) == 0) {}
  ~Sending() {
    if (peer_ != nullptr) CountDown(&peer_->sending);
  }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;
  bool alone() const { return alone_; }

 private:
  PeerSlot* peer_;
  bool alone_;
};

void RunStimulus(Session* session, const ProgramStep* step, uint32_t step_index) {
  Stimulus stimulus = {static_cast<Op>(step->op), step->peer, step->code, step->length,
                       (step->flags & 1) != 0,    nullptr,    nullptr};
  PeerSlot* peer = step->peer != kNoSlot ? &session->peers[step->peer] : nullptr;
  const Sending sending(stimulus.op == Op::kPeerSend ? peer : nullptr);
  if (!sending.alone()) return Skip(session, step, step_index, SkipReason::kFullSlot);
  alignas(8) uint8_t address[32];
  uint64_t offset = 0;
  if (!PrepareStimulus(session, step, &stimulus, address, &offset)) {
    return Skip(session, step, step_index, SkipReason::kLimit);
  }
  uint32_t begin;
  Observation* o = Reserve(session, Seen::kStimulusBegin, &begin);
  if (o != nullptr) {
    o->op = step->op;
    // What names a socket is about that one; a connection's stimulus is about the socket that has it.
    o->socket = step->socket != kNoSlot || peer == nullptr ? step->socket : peer->socket;
    o->peer = step->peer;
    o->step = step_index;
    o->code = static_cast<uint8_t>(step->code);
    o->flags = step->flags;
    o->length = step->length;
    o->offset = offset;
    Publish(o);
  }
  const bool done = session->environment.Perform(session->environment.context, &stimulus);
  if (!done) UndoStimulus(session, step, offset);
  uint32_t end;
  o = Reserve(session, Seen::kStimulusEnd, &end);
  if (o == nullptr) return;
  o->op = step->op;
  o->begin = begin;
  o->step = step_index;
  o->peer = step->peer;
  o->status = done ? kStatusSuccess : kStatusUnsuccessful;
  Publish(o);
}

void RunClientCall(Session* session, const ProgramStep* step, uint32_t step_index) {
  const Op op = static_cast<Op>(step->op);
  ClientSlot* client = &session->clients[step->client];
  SocketSlot* socket = nullptr;
  if (op == Op::kSocket || op == Op::kSocketConnect || op == Op::kControlClient) {
    if (ReadAcquire(&client->captured) <= 0) return Skip(session, step, step_index, SkipReason::kNotSetUp);
    // Nothing that this client does gives it a security descriptor that could be released
    // (wsk-release-sd.md).
    if (op == Op::kControlClient && step->code == WSK_RELEASE_SD) {
      return Skip(session, step, step_index, SkipReason::kEmptySlot);
    }
    if (op != Op::kControlClient) {
      socket = &session->sockets[step->socket];
      if (ReadAcquire(&socket->state) != kSocketEmpty)
        return Skip(session, step, step_index, SkipReason::kFullSlot);
    }
  }
  Call call;
  if (!OpenCall(session, step, step_index, socket, &call)) return;
  switch (op) {
    case Op::kRegister:
      return Register(session, &call);
    case Op::kCapture:
      return Capture(session, &call);
    case Op::kReleaseNpi:
    case Op::kDeregister:
      return Leave(session, &call, op);
    case Op::kQueryCharacteristics:
      return QueryCharacteristics(session, &call);
    case Op::kControlClient:
      return ControlClient(session, &call);
    case Op::kSocket:
    case Op::kSocketConnect:
      return Create(session, &call);
    default:
      AbandonCall(&call, SkipReason::kNotHere);
  }
}

void RunStep(Session* session, const ProgramStep* step, uint32_t step_index, bool inside_callback) {
  const Op op = static_cast<Op>(step->op);
  if (Waits(op) && inside_callback) return Skip(session, step, step_index, SkipReason::kIrqlTooHigh);
  if (IsClientCall(op)) return RunClientCall(session, step, step_index);
  if (IsStimulus(op)) return RunStimulus(session, step, step_index);
  switch (op) {
    case Op::kSettle:
      return SettleAndRecord(session, step_index);
    case Op::kReleaseHold:
      KeSetEvent(&session->holds[step->target].released, IO_NO_INCREMENT, FALSE);
      return;
    case Op::kAwaitHold:
      return AwaitHold(session, step, step_index);
    case Op::kAwaitIrp:
      return AwaitIrp(session, step, step_index);
    case Op::kReadRetained:
      return ReadRetained(session, step, step_index);
    case Op::kScribble:
      if (step->irp == kNoSlot) return Skip(session, step, step_index, SkipReason::kEmptySlot);
      session->irps[step->irp].control = {};
      return RecordStimulus(session, Op::kScribble, step->irp, step_index, 0);
    case Op::kYield:
      return session->environment.Yield(session->environment.context);
    case Op::kCancelIrp:
      return CancelIrp(session, step, step_index);
    default:
      return RunSocketCall(session, step, step_index);
  }
}

void RunSteps(Session* session, uint32_t first, uint32_t count, bool inside_callback) {
  for (uint32_t i = first; i < first + count; ++i) RunStep(session, &session->steps[i], i, inside_callback);
}

}  // namespace wskcert
