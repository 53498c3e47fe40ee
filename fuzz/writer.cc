#include "fuzz/writer.h"

namespace wskcert::fuzz {
namespace {

constexpr uint32_t kFlags[] = {SEND_BACKLOG, RECEIVE, DISCONNECT, RECEIVE_FROM, ACCEPT};

}  // namespace

Step* InsertStep(Steps* steps, int at) {
  Step* step = steps->Add();
  for (int i = steps->size() - 1; i > at; --i) steps->SwapElements(i, i - 1);
  return step;
}

uint32_t SomeOf(uint32_t mask, Random* random) {
  uint32_t some = 0;
  for (const uint32_t flag : kFlags) {
    if ((mask & flag) != 0 && random->Percent(60)) some |= flag;
  }
  if (some != 0) return some;
  for (uint32_t tries = 0; tries < 16; ++tries) {
    const uint32_t flag = kFlags[random->Below(5)];
    if ((mask & flag) != 0) return flag;
  }
  return mask;
}

void AddMask(uint32_t mask, google::protobuf::RepeatedField<int>* flags) {
  for (const uint32_t flag : kFlags) {
    if ((mask & flag) != 0) flags->Add(static_cast<int>(flag));
  }
}

void FixChoice(const std::string& name, uint32_t value, Schedule* schedule) {
  for (FixedChoice& choice : *schedule->mutable_fixed()) {
    if (choice.name() != name) continue;
    choice.set_value(value);
    return;
  }
  FixedChoice* choice = schedule->add_fixed();
  choice->set_name(name);
  choice->set_value(value);
}

void Writer::Done() {
  if (open_ == nullptr) return;
  life_->Use(*open_);
  if (!later_) life_->Take(*open_);
  open_ = nullptr;
}

Step* Writer::Add() {
  Done();
  return open_ = InsertStep(steps_, at_++);
}

Step* Writer::Call() {
  Step* step = Add();
  const int irp = later_ ? life_->NewIrp() : life_->FreeIrp();
  step->set_irp(static_cast<uint32_t>(irp < 0 ? kTrackedIrps : irp));
  if (random_->OneIn(24)) step->set_irp_style(PASSED_DOWN);
  return step;
}

Script* Writer::NewScript(EventName event, int socket) {
  Done();
  Script* script = sequence_->add_scripts();
  script->set_event(event);
  script->set_socket(static_cast<uint32_t>(socket));
  if (!random_->OneIn(5) && socket < kTrackedSockets) script->set_nth(life_->sockets[socket].fired[event]);
  return script;
}

void Writer::Enable(int socket, uint32_t mask) {
  Step* step = random_->OneIn(10) ? Call() : Add();
  if (random_->OneIn(24)) step->set_at_dispatch(true);
  EventCallback* request = step->mutable_event_callback();
  request->set_socket(static_cast<uint32_t>(socket));
  AddMask(mask, request->mutable_mask());
}

void Writer::Disable(int socket, uint32_t flag, bool with_irp) {
  Step* step = with_irp ? Call() : Add();
  if (random_->OneIn(24)) step->set_at_dispatch(true);
  EventCallback* request = step->mutable_event_callback();
  request->set_socket(static_cast<uint32_t>(socket));
  AddMask(flag, request->mutable_mask());
  request->add_mask(DISABLE);
}

void Writer::Close(int socket) { Call()->mutable_close()->set_socket(static_cast<uint32_t>(socket)); }

uint32_t Writer::Length() {
  switch (random_->Below(8)) {
    case 0:
      return 1 + random_->Below(4);
    case 1:
    case 2:
      return 1 + random_->Below(64);
    case 3:
    case 4:
      return 100;
    case 5:
      return 100 + random_->Below(1400);
    case 6:
      return 1000 + random_->Below(6000);
    default:
      return random_->OneIn(8) ? random_->Below(60000) : 200;
  }
}

void Writer::PeerSend(int peer) {
  auto* send = Add()->mutable_peer_send();
  send->set_peer(static_cast<uint32_t>(peer));
  send->set_length(Length());
  if (random_->OneIn(4)) send->set_push(true);
}

void Writer::Datagram(int peer, int socket) {
  auto* send = Add()->mutable_peer_send_datagram();
  send->set_peer(static_cast<uint32_t>(peer));
  send->set_socket(static_cast<uint32_t>(socket));
  send->set_length(random_->OneIn(8) ? 0 : random_->OneIn(4) ? random_->Below(1400) : 1 + random_->Below(64));
  if (random_->OneIn(4))
    send->set_cast(random_->OneIn(2) ? wskcert::PeerSend::BROADCAST : wskcert::PeerSend::MULTICAST);
}

void Writer::PeerConnect(int socket, int peer) {
  auto* connect = Add()->mutable_peer_connect();
  connect->set_socket(static_cast<uint32_t>(socket));
  connect->set_peer(static_cast<uint32_t>(peer));
}

void Writer::Receive(int socket) {
  auto* receive = Call()->mutable_receive();
  receive->set_socket(static_cast<uint32_t>(socket));
  if (random_->OneIn(12)) {
    receive->add_flags(Transfer::DRAIN);
    return;
  }
  if (random_->OneIn(10)) return;
  receive->set_length(Length());
  if (random_->OneIn(5)) receive->add_flags(Transfer::WAITALL);
}

}  // namespace wskcert::fuzz
