// One connection: what arrives is retained, sent back by a work item, and released.
//
// A connection is busy while its work item is queued or runs, or while the request that the work item made
// last is in progress. Whoever finds something to do for a connection that is not busy makes it so and queues
// the work item; the work item alone sends, disconnects in good order, releases and closes, one thing at a
// time. So all of that happens at PASSIVE_LEVEL, and bytes go back in the order in which they came.
#include "echo.h"

static NTSTATUS WSKAPI EchoReceiveEvent(_In_opt_ PVOID SocketContext, _In_ ULONG Flags,
                                        _In_opt_ PWSK_DATA_INDICATION DataIndication,
                                        _In_ SIZE_T BytesIndicated, _Inout_ SIZE_T *BytesAccepted);
static NTSTATUS WSKAPI EchoDisconnectEvent(_In_opt_ PVOID SocketContext, _In_ ULONG Flags);
static IO_WORKITEM_ROUTINE EchoWork;
static IO_COMPLETION_ROUTINE EchoRequestDone;
static IO_COMPLETION_ROUTINE EchoAbortDone;

const WSK_CLIENT_CONNECTION_DISPATCH EchoConnectionDispatch = {EchoReceiveEvent, EchoDisconnectEvent, NULL};

static const WSK_PROVIDER_CONNECTION_DISPATCH *EchoFunctions(_In_ PECHO_CONNECTION Connection) {
  return (const WSK_PROVIDER_CONNECTION_DISPATCH *)Connection->Socket->Dispatch;
}

static VOID EchoFreeConnection(_In_ __drv_freesMem(Mem) PECHO_CONNECTION Connection) {
  if (Connection->Work != NULL) {
    IoFreeWorkItem(Connection->Work);
  }
  if (Connection->Irp != NULL) {
    IoFreeIrp(Connection->Irp);
  }
  if (Connection->AbortIrp != NULL) {
    IoFreeIrp(Connection->AbortIrp);
  }
  ExFreePoolWithTag(Connection, ECHO_TAG_CONNECTION);
}

static VOID EchoReference(_Inout_ PECHO_CONNECTION Connection) {
  InterlockedIncrement(&Connection->References);
}

static VOID EchoDereference(_Inout_ PECHO_CONNECTION Connection) {
  PECHO_SERVER server = Connection->Server;

  if (InterlockedDecrement(&Connection->References) == 0) {
    EchoFreeConnection(Connection);
    ExReleaseRundownProtection(&server->Open);
  }
}

_Use_decl_annotations_ PECHO_CONNECTION EchoOpenConnection(PECHO_SERVER Server, PWSK_SOCKET Socket) {
  PECHO_CONNECTION connection;
  KIRQL irql;

  if (!ExAcquireRundownProtection(&Server->Open)) {
    return NULL;
  }
  connection =
      (PECHO_CONNECTION)ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*connection), ECHO_TAG_CONNECTION);
  if (connection == NULL) {
    goto Refuse;
  }
  connection->References = 1;
  connection->Server = Server;
  connection->Socket = Socket;
  ExInitializeRundownProtection(&connection->Calls);
  KeInitializeSpinLock(&connection->Lock);
  InitializeListHead(&connection->Pieces);
  connection->Work = IoAllocateWorkItem(Server->Device);
  connection->Irp = IoAllocateIrp(1, FALSE);
  connection->AbortIrp = IoAllocateIrp(1, FALSE);
  if (connection->Work == NULL || connection->Irp == NULL || connection->AbortIrp == NULL) {
    EchoFreeConnection(connection);
    goto Refuse;
  }

  KeAcquireSpinLock(&Server->Lock, &irql);
  InsertTailList(&Server->Connections, &connection->Link);
  KeReleaseSpinLock(&Server->Lock, irql);
  return connection;

Refuse:
  ExReleaseRundownProtection(&Server->Open);
  return NULL;
}

// With the lock: makes the connection busy. The caller then queues the work item, without the lock.
_Requires_lock_held_(Connection->Lock) static BOOLEAN EchoBecomeBusy(_Inout_ PECHO_CONNECTION Connection) {
  if (Connection->Busy || Connection->Closing) {
    return FALSE;
  }
  Connection->Busy = TRUE;
  EchoReference(Connection);
  return TRUE;
}

static VOID EchoQueueWork(_In_ PECHO_CONNECTION Connection) {
  IoQueueWorkItem(Connection->Work, EchoWork, DelayedWorkQueue, Connection);
}

// ---- Event callbacks, up to DISPATCH_LEVEL.

// Retains what arrived.
_Use_decl_annotations_ static NTSTATUS WSKAPI EchoReceiveEvent(PVOID SocketContext, ULONG Flags,
                                                               PWSK_DATA_INDICATION DataIndication,
                                                               SIZE_T BytesIndicated, SIZE_T *BytesAccepted) {
  PECHO_CONNECTION connection = (PECHO_CONNECTION)SocketContext;
  PECHO_PIECE piece = NULL;
  NTSTATUS status = STATUS_PENDING;
  BOOLEAN queue;
  KIRQL irql;

  UNREFERENCED_PARAMETER(Flags);
  UNREFERENCED_PARAMETER(BytesIndicated);
  UNREFERENCED_PARAMETER(BytesAccepted);
  _Analysis_assume_(connection != NULL);

  if (DataIndication != NULL) {
    piece = (PECHO_PIECE)ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof(*piece), ECHO_TAG_PIECE);
  }

  KeAcquireSpinLock(&connection->Lock, &irql);
  if (piece == NULL || connection->Closing || connection->Aborted) {
    // The socket is dead, or there is no memory: an echo with a hole in it is none, so the connection ends.
    connection->Aborted = TRUE;
    status = DataIndication == NULL ? STATUS_SUCCESS : STATUS_DATA_NOT_ACCEPTED;
  } else {
    piece->Retained = DataIndication;
    piece->Next = DataIndication;
    InsertTailList(&connection->Pieces, &piece->Link);
    piece = NULL;
  }
  queue = EchoBecomeBusy(connection);
  KeReleaseSpinLock(&connection->Lock, irql);

  if (piece != NULL) {
    ExFreePoolWithTag(piece, ECHO_TAG_PIECE);
  }
  if (queue) {
    EchoQueueWork(connection);
  }
  return status;
}

// The peer has closed its direction, or reset the connection.
_Use_decl_annotations_ static NTSTATUS WSKAPI EchoDisconnectEvent(PVOID SocketContext, ULONG Flags) {
  PECHO_CONNECTION connection = (PECHO_CONNECTION)SocketContext;
  BOOLEAN queue;
  KIRQL irql;

  _Analysis_assume_(connection != NULL);
  KeAcquireSpinLock(&connection->Lock, &irql);
  connection->PeerClosed = TRUE;
  if (Flags & WSK_FLAG_ABORTIVE) {
    connection->Aborted = TRUE;
  }
  queue = EchoBecomeBusy(connection);
  KeReleaseSpinLock(&connection->Lock, irql);

  if (queue) {
    EchoQueueWork(connection);
  }
  return STATUS_SUCCESS;
}

// ---- The work item.

// The send or disconnect is complete; the work item goes on. Up to DISPATCH_LEVEL.
_Use_decl_annotations_ static NTSTATUS EchoRequestDone(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context) {
  PECHO_CONNECTION connection = (PECHO_CONNECTION)Context;
  KIRQL irql;

  UNREFERENCED_PARAMETER(DeviceObject);
  _Analysis_assume_(connection != NULL);
  if (!NT_SUCCESS(Irp->IoStatus.Status)) {
    KeAcquireSpinLock(&connection->Lock, &irql);
    connection->Aborted = TRUE;
    KeReleaseSpinLock(&connection->Lock, irql);
  }
  EchoQueueWork(connection);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID EchoReleasePiece(_In_ PECHO_CONNECTION Connection, _In_ __drv_freesMem(Mem) PECHO_PIECE Piece) {
  EchoFunctions(Connection)->WskRelease(Connection->Socket, Piece->Retained);
  ExFreePoolWithTag(Piece, ECHO_TAG_PIECE);
}

// The socket is closed and the connection leaves the server's list. Nobody else calls the socket's functions
// any more, and nothing is retained: both are conditions of WskCloseSocket.
static VOID EchoClose(_Inout_ PECHO_CONNECTION Connection) {
  PECHO_SERVER server = Connection->Server;
  PLIST_ENTRY entry;
  KEVENT event;
  KIRQL irql;

  // New pieces are refused since Closing was set, so the list can be taken apart without the lock.
  while (!IsListEmpty(&Connection->Pieces)) {
    entry = RemoveHeadList(&Connection->Pieces);
    EchoReleasePiece(Connection, CONTAINING_RECORD(entry, ECHO_PIECE, Link));
  }
  ExWaitForRundownProtectionRelease(&Connection->Calls);

  KeInitializeEvent(&event, SynchronizationEvent, FALSE);
  EchoPrepareIrp(Connection->Irp, EchoSetEvent, &event);
  EchoFunctions(Connection)->WskCloseSocket(Connection->Socket, Connection->Irp);
  KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL);

  KeAcquireSpinLock(&server->Lock, &irql);
  RemoveEntryList(&Connection->Link);
  KeReleaseSpinLock(&server->Lock, irql);
  EchoDereference(Connection);  // The open socket's.
}

typedef enum _ECHO_ACTION { EchoActNothing, EchoActSend, EchoActFinish, EchoActClose } ECHO_ACTION;

// Decides what to do next. With EchoActNothing the connection is no longer busy.
static ECHO_ACTION EchoDecide(_Inout_ PECHO_CONNECTION Connection,
                              _Outptr_result_maybenull_ PECHO_PIECE *Piece) {
  ECHO_ACTION action = EchoActNothing;
  KIRQL irql;

  *Piece = NULL;
  KeAcquireSpinLock(&Connection->Lock, &irql);
  if (Connection->Aborted || Connection->Finished) {
    Connection->Closing = TRUE;
    action = EchoActClose;
  } else if (!IsListEmpty(&Connection->Pieces)) {
    *Piece = CONTAINING_RECORD(Connection->Pieces.Flink, ECHO_PIECE, Link);
    action = EchoActSend;
  } else if (Connection->PeerClosed) {
    Connection->Finished = TRUE;
    action = EchoActFinish;
  } else {
    Connection->Busy = FALSE;
  }
  KeReleaseSpinLock(&Connection->Lock, irql);
  return action;
}

// The piece has been sent entirely.
static VOID EchoPieceDone(_Inout_ PECHO_CONNECTION Connection, _In_ PECHO_PIECE Piece) {
  KIRQL irql;

  KeAcquireSpinLock(&Connection->Lock, &irql);
  RemoveEntryList(&Piece->Link);
  KeReleaseSpinLock(&Connection->Lock, irql);
  EchoReleasePiece(Connection, Piece);
}

// Does one thing after the other until a request is in progress or nothing is left to do. The request's
// completion queues the work item again, perhaps before the call has returned; rundown protection keeps that
// next turn from closing the socket meanwhile.
_Use_decl_annotations_ static VOID EchoWork(PDEVICE_OBJECT DeviceObject, PVOID Context) {
  PECHO_CONNECTION connection = (PECHO_CONNECTION)Context;
  PWSK_DATA_INDICATION indication;
  PECHO_PIECE piece;

  UNREFERENCED_PARAMETER(DeviceObject);
  _Analysis_assume_(connection != NULL);
  for (;;) {
    switch (EchoDecide(connection, &piece)) {
      case EchoActSend:
        indication = piece->Next;
        if (indication == NULL) {
          EchoPieceDone(connection, piece);
          continue;
        }
        piece->Next = indication->Next;
        (void)ExAcquireRundownProtection(&connection->Calls);
        EchoPrepareIrp(connection->Irp, EchoRequestDone, connection);
        EchoFunctions(connection)->WskSend(connection->Socket, &indication->Buffer, 0, connection->Irp);
        ExReleaseRundownProtection(&connection->Calls);
        return;
      case EchoActFinish:
        (void)ExAcquireRundownProtection(&connection->Calls);
        EchoPrepareIrp(connection->Irp, EchoRequestDone, connection);
        EchoFunctions(connection)->WskDisconnect(connection->Socket, NULL, 0, connection->Irp);
        ExReleaseRundownProtection(&connection->Calls);
        return;
      case EchoActClose:
        EchoClose(connection);
        EchoDereference(connection);  // That of being busy.
        return;
      default:
        EchoDereference(connection);
        return;
    }
  }
}

// ---- Unloading.

_Use_decl_annotations_ static NTSTATUS EchoAbortDone(PDEVICE_OBJECT DeviceObject, PIRP Irp, PVOID Context) {
  UNREFERENCED_PARAMETER(DeviceObject);
  UNREFERENCED_PARAMETER(Irp);
  _Analysis_assume_(Context != NULL);
  EchoDereference((PECHO_CONNECTION)Context);
  return STATUS_MORE_PROCESSING_REQUIRED;
}

// Ends a connection, also one whose peer does not take what is sent to it: the abortive disconnect completes
// the pending send, and that queues the work item.
static VOID EchoAbort(_Inout_ PECHO_CONNECTION Connection) {
  BOOLEAN queue, disconnect;
  KIRQL irql;

  KeAcquireSpinLock(&Connection->Lock, &irql);
  queue = EchoBecomeBusy(Connection);
  disconnect = !queue && !Connection->Resetting && !Connection->Closing;
  Connection->Aborted = TRUE;
  Connection->Resetting = Connection->Resetting || disconnect;
  KeReleaseSpinLock(&Connection->Lock, irql);

  if (queue) {
    EchoQueueWork(Connection);
  } else if (disconnect && ExAcquireRundownProtection(&Connection->Calls)) {
    EchoReference(Connection);
    EchoPrepareIrp(Connection->AbortIrp, EchoAbortDone, Connection);
    EchoFunctions(Connection)
        ->WskDisconnect(Connection->Socket, NULL, WSK_FLAG_ABORTIVE, Connection->AbortIrp);
    ExReleaseRundownProtection(&Connection->Calls);
  }
}

_Use_decl_annotations_ VOID EchoAbortConnections(PECHO_SERVER Server) {
  PECHO_CONNECTION connection;
  LIST_ENTRY round;
  KIRQL irql;

  // The lock is not held across EchoAbort, so the connections are taken one at a time out of a list of their
  // own. They may leave that list, too, when they close meanwhile.
  InitializeListHead(&round);
  KeAcquireSpinLock(&Server->Lock, &irql);
  while (!IsListEmpty(&Server->Connections)) {
    InsertTailList(&round, RemoveHeadList(&Server->Connections));
  }
  while (!IsListEmpty(&round)) {
    connection = CONTAINING_RECORD(RemoveHeadList(&round), ECHO_CONNECTION, Link);
    InsertTailList(&Server->Connections, &connection->Link);
    EchoReference(connection);
    KeReleaseSpinLock(&Server->Lock, irql);
    EchoAbort(connection);
    EchoDereference(connection);
    KeAcquireSpinLock(&Server->Lock, &irql);
  }
  KeReleaseSpinLock(&Server->Lock, irql);
}
