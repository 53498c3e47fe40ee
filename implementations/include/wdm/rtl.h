// Memory, lists, strings, debug output: what needs no kernel state. Any IRQL unless noted.
#ifndef WSKCERT_INCLUDE_WDM_RTL_H_
#define WSKCERT_INCLUDE_WDM_RTL_H_

#include <ntdef.h>
#include <wdm/ex.h>

EXTERN_C_START

#define RtlCopyMemory(d, s, n) __builtin_memcpy((d), (s), (n))
#define RtlMoveMemory(d, s, n) __builtin_memmove((d), (s), (n))
#define RtlFillMemory(d, n, v) __builtin_memset((d), (v), (n))
#define RtlZeroMemory(d, n) __builtin_memset((d), 0, (n))
#define RtlEqualMemory(a, b, n) (__builtin_memcmp((a), (b), (n)) == 0)
#define RtlCopyBytes RtlCopyMemory
#define RtlZeroBytes RtlZeroMemory
FORCEINLINE PVOID RtlSecureZeroMemory(PVOID p, SIZE_T n) {
  __builtin_memset(p, 0, n);
  __asm__ __volatile__("" : : "r"(p) : "memory");
  return p;
}
FORCEINLINE SIZE_T RtlCompareMemory(const VOID* a, const VOID* b, SIZE_T n) {
  SIZE_T i = 0;
  while (i < n && ((const UCHAR*)a)[i] == ((const UCHAR*)b)[i]) ++i;
  return i;
}

#define RtlUshortByteSwap(v) __builtin_bswap16(v)
#define RtlUlongByteSwap(v) __builtin_bswap32(v)
#define RtlUlonglongByteSwap(v) __builtin_bswap64(v)

// The bug check for a list whose links contradict each other, as Windows' own list functions raise it.
DECLSPEC_NORETURN VOID WskcertListCorrupted(const LIST_ENTRY* Entry);
FORCEINLINE VOID InitializeListHead(PLIST_ENTRY h) { h->Flink = h->Blink = h; }
FORCEINLINE BOOLEAN IsListEmpty(const LIST_ENTRY* h) { return (BOOLEAN)(h->Flink == h); }
FORCEINLINE BOOLEAN RemoveEntryList(PLIST_ENTRY e) {
  PLIST_ENTRY next = e->Flink, previous = e->Blink;
  if (next->Blink != e || previous->Flink != e) WskcertListCorrupted(e);
  previous->Flink = next;
  next->Blink = previous;
  return (BOOLEAN)(next == previous);
}
FORCEINLINE VOID InsertHeadList(PLIST_ENTRY h, PLIST_ENTRY e) {
  PLIST_ENTRY next = h->Flink;
  if (next->Blink != h) WskcertListCorrupted(h);
  e->Flink = next;
  e->Blink = h;
  next->Blink = e;
  h->Flink = e;
}
FORCEINLINE VOID InsertTailList(PLIST_ENTRY h, PLIST_ENTRY e) {
  PLIST_ENTRY previous = h->Blink;
  if (previous->Flink != h) WskcertListCorrupted(h);
  e->Flink = h;
  e->Blink = previous;
  previous->Flink = e;
  h->Blink = e;
}
FORCEINLINE PLIST_ENTRY RemoveHeadList(PLIST_ENTRY h) {
  PLIST_ENTRY e = h->Flink;
  RemoveEntryList(e);
  return e;
}
FORCEINLINE PLIST_ENTRY RemoveTailList(PLIST_ENTRY h) {
  PLIST_ENTRY e = h->Blink;
  RemoveEntryList(e);
  return e;
}
FORCEINLINE VOID AppendTailList(PLIST_ENTRY h, PLIST_ENTRY list) {
  PLIST_ENTRY end = h->Blink;
  h->Blink->Flink = list;
  h->Blink = list->Blink;
  list->Blink->Flink = h;
  list->Blink = end;
}
FORCEINLINE VOID PushEntryList(PSINGLE_LIST_ENTRY h, PSINGLE_LIST_ENTRY e) {
  e->Next = h->Next;
  h->Next = e;
}
FORCEINLINE PSINGLE_LIST_ENTRY PopEntryList(PSINGLE_LIST_ENTRY h) {
  PSINGLE_LIST_ENTRY e = h->Next;
  if (e != NULL) h->Next = e->Next;
  return e;
}

// ---- Counted strings. Those that allocate do so from paged pool, at PASSIVE_LEVEL.
VOID RtlInitUnicodeString(PUNICODE_STRING Destination, PCWSTR Source);
VOID RtlInitAnsiString(PANSI_STRING Destination, PCSZ Source);
VOID RtlCopyUnicodeString(PUNICODE_STRING Destination, PCUNICODE_STRING Source);
BOOLEAN RtlEqualUnicodeString(PCUNICODE_STRING A, PCUNICODE_STRING B, BOOLEAN CaseInSensitive);
LONG RtlCompareUnicodeString(PCUNICODE_STRING A, PCUNICODE_STRING B, BOOLEAN CaseInSensitive);
NTSTATUS RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source);
NTSTATUS RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source);
WCHAR RtlUpcaseUnicodeChar(WCHAR SourceCharacter);
VOID RtlFreeUnicodeString(PUNICODE_STRING UnicodeString);

// ---- Debug output in NT's format language (also %wZ, %ws, %Z, %I64d, %Iu; %l is 32 bits) to standard error,
// if the environment variable WSKCERT_DBGPRINT is set.
ULONG DbgPrint(PCSTR Format, ...);
ULONG DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...);
ULONG vDbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, va_list Arguments);
// Bounded formatting in that language: always terminates; returns the length it would have had.
SIZE_T WskcertFormat(PCHAR Buffer, SIZE_T Size, PCSTR Format, va_list Arguments);
// The same in wide characters, which Size counts; %s is wide, %hs narrow. ASCII only, and formats of up to
// 250 characters.
SIZE_T WskcertFormatWide(PWCHAR Buffer, SIZE_T Size, PCWSTR Format, va_list Arguments);
#define DPFLTR_IHVDRIVER_ID 77
#define DPFLTR_IHVNETWORK_ID 80
#define DPFLTR_DEFAULT_ID 101
#define DPFLTR_ERROR_LEVEL 0
#define DPFLTR_WARNING_LEVEL 1
#define DPFLTR_TRACE_LEVEL 2
#define DPFLTR_INFO_LEVEL 3
#if DBG
#define KdPrint(x) ((void)(DbgPrint x))
#define KdPrintEx(x) ((void)(DbgPrintEx x))
#else
#define KdPrint(x) ((void)0)
#define KdPrintEx(x) ((void)0)
#endif
#define KD_DEBUGGER_ENABLED FALSE
#define KD_DEBUGGER_NOT_PRESENT TRUE
#define DbgBreakPoint() __builtin_trap()
#define KdBreakPoint() ((void)0)

// Failed assertions are bug checks, with the expression in the report.
DECLSPEC_NORETURN VOID WskcertAssertionFailed(const char* Expression, const char* File, int Line);
#if DBG
#define ASSERT(e) ((e) ? (void)0 : WskcertAssertionFailed(#e, __FILE__, __LINE__))
#else
#define ASSERT(e) ((void)0)
#endif
#define NT_ASSERT(e) ASSERT(e)
#define NT_VERIFY(e) ((e) ? TRUE : FALSE)
#define ASSERTMSG(m, e) ASSERT(e)
#define RTL_SOFT_ASSERT(e) ASSERT(e)
#define NT_FRE_ASSERT(e) ((e) ? (void)0 : WskcertAssertionFailed(#e, __FILE__, __LINE__))
#define RTL_VERIFY(e) NT_VERIFY(e)

ULONG RtlRandomEx(PULONG Seed);

EXTERN_C_END

#endif  // WSKCERT_INCLUDE_WDM_RTL_H_
