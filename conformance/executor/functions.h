// A socket's functions, whatever its category: the provider's tables differ in layout, and a function that a
// category does not have is null here. Internal to conformance/executor.
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_FUNCTIONS_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_FUNCTIONS_H_

#include "conformance/executor/session.h"

namespace wskcert {

inline const WSK_PROVIDER_BASIC_DISPATCH* Basic(const SocketSlot* socket) {
  return static_cast<const WSK_PROVIDER_BASIC_DISPATCH*>(socket->socket->Dispatch);
}
inline const WSK_PROVIDER_LISTEN_DISPATCH* Listening(const SocketSlot* socket) {
  return static_cast<const WSK_PROVIDER_LISTEN_DISPATCH*>(socket->socket->Dispatch);
}
inline const WSK_PROVIDER_DATAGRAM_DISPATCH* Datagram(const SocketSlot* socket) {
  return static_cast<const WSK_PROVIDER_DATAGRAM_DISPATCH*>(socket->socket->Dispatch);
}
inline const WSK_PROVIDER_CONNECTION_DISPATCH* Connection(const SocketSlot* socket) {
  return static_cast<const WSK_PROVIDER_CONNECTION_DISPATCH*>(socket->socket->Dispatch);
}
inline const WSK_PROVIDER_STREAM_DISPATCH* Stream(const SocketSlot* socket) {
  return static_cast<const WSK_PROVIDER_STREAM_DISPATCH*>(socket->socket->Dispatch);
}

// The member `name` of connection-oriented and stream sockets' tables, null for other categories.
#define WSKCERT_OF_CONNECTION(socket, name)                                                      \
  (static_cast<Category>((socket)->category) == Category::kConnection ? Connection(socket)->name \
   : static_cast<Category>((socket)->category) == Category::kStream   ? Stream(socket)->name     \
                                                                      : nullptr)
// Likewise of listening and stream sockets.
#define WSKCERT_OF_LISTENER(socket, name)                                                     \
  (static_cast<Category>((socket)->category) == Category::kListen   ? Listening(socket)->name \
   : static_cast<Category>((socket)->category) == Category::kStream ? Stream(socket)->name    \
                                                                    : nullptr)

inline PFN_WSK_BIND BindOf(const SocketSlot* socket) {
  switch (static_cast<Category>(socket->category)) {
    case Category::kDatagram:
      return Datagram(socket)->WskBind;
    case Category::kListen:
      return Listening(socket)->WskBind;
    default:
      return WSKCERT_OF_CONNECTION(socket, WskBind);
  }
}

inline PFN_WSK_GET_LOCAL_ADDRESS GetLocalAddressOf(const SocketSlot* socket) {
  switch (static_cast<Category>(socket->category)) {
    case Category::kDatagram:
      return Datagram(socket)->WskGetLocalAddress;
    case Category::kListen:
      return Listening(socket)->WskGetLocalAddress;
    default:
      return WSKCERT_OF_CONNECTION(socket, WskGetLocalAddress);
  }
}

inline PFN_WSK_LISTEN ListenOf(const SocketSlot* socket) {
  return static_cast<Category>(socket->category) == Category::kStream ? Stream(socket)->WskListen : nullptr;
}

inline PFN_WSK_INSPECT_COMPLETE InspectCompleteOf(const SocketSlot* socket) {
  return static_cast<Category>(socket->category) == Category::kListen ? Listening(socket)->WskInspectComplete
                                                                      : nullptr;
}

inline bool IsDatagram(const SocketSlot* socket) {
  return static_cast<Category>(socket->category) == Category::kDatagram;
}

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXECUTOR_FUNCTIONS_H_
