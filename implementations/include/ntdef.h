// The basic types of kernel code, as on 64-bit Windows: LONG and ULONG have 32 bits and WCHAR 16 although
// `long` and the host's wchar_t differ. Compile with -fms-extensions -fshort-wchar.
#ifndef WSKCERT_INCLUDE_NTDEF_H_
#define WSKCERT_INCLUDE_NTDEF_H_

#include <sal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define EXTERN_C extern "C"
#define EXTERN_C_START extern "C" {
#define EXTERN_C_END }
static_assert(sizeof(wchar_t) == 2, "kernel code needs -fshort-wchar");
#else
#define EXTERN_C extern
#define EXTERN_C_START
#define EXTERN_C_END
_Static_assert(sizeof(wchar_t) == 2, "kernel code needs -fshort-wchar");
#endif

#ifndef _WIN64
#define _WIN64 1
#endif
#ifndef _AMD64_
#define _AMD64_ 1
#endif

// Microsoft's keywords. clang knows some of them with -fms-extensions; g++ knows none.
#ifndef __clang__
#define __int8 char
#define __int16 short
#define __int32 int
#define __int64 long long
#define __declspec(a) __attribute__((a))
#define __forceinline inline __attribute__((always_inline))
#define __stdcall
#define __cdecl
#define __fastcall
#endif
#define _cdecl

// Structured exceptions do not exist here: a fault ends the process with a sanitizer's or the system's
// report, and ExRaiseStatus is a bug check. What the keywords expand to:
//   __try      a loop that runs once, so that there is something for __leave to leave
//   __except   a branch never taken: the handler and its filter are compiled, so that they stay correct
//   __finally  a branch always taken; leaving the __try block by return or goto skips it, unlike on Windows
//   __leave    break: it leaves the innermost loop or switch, which must be the __try block itself
// So a `break` or `continue` in a __try block, meant for a loop around it, ends only the block. libstdc++ has
// a macro __try of its own: include its headers first where both are wanted.
// clang-format off
#undef __try
#define __try for (int wskcert_once_ = 1; wskcert_once_; wskcert_once_ = 0)
#define __except(filter) if ((void)sizeof(filter), 0)
#define __finally if (1)
#define __leave break
// clang-format on
#define _exception_code() 0
#define GetExceptionCode() 0
#define GetExceptionInformation() ((void*)0)
#define AbnormalTermination() 0
#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

#define IN
#define OUT
#define OPTIONAL
#define NTAPI
#define FASTCALL
#define CALLBACK
#define WINAPI
#define NTSYSAPI
#define NTSYSCALLAPI
#define NTKERNELAPI
#define NTHALAPI
#define DECLSPEC_IMPORT
#define DECLSPEC_EXPORT
#define DECLSPEC_NORETURN __attribute__((noreturn))
#define DECLSPEC_NOINLINE __attribute__((noinline))
#define DECLSPEC_ALIGN(n) __attribute__((aligned(n)))
#define DECLSPEC_CACHEALIGN DECLSPEC_ALIGN(64)
#define DECLSPEC_NOTHROW
#define DECLSPEC_UUID(x)
#define DECLSPEC_SELECTANY __attribute__((weak))
#define FORCEINLINE static inline __attribute__((always_inline, unused))
#define CFORCEINLINE FORCEINLINE
#define INLINE inline
#define RESTRICTED_POINTER
#define UNALIGNED
#define POINTER_64
#define MEMORY_ALLOCATION_ALIGNMENT 16
#define SYSTEM_CACHE_ALIGNMENT_SIZE 64
#define UNREFERENCED_PARAMETER(p) ((void)(p))
#define DBG_UNREFERENCED_PARAMETER(p) ((void)(p))
#define DBG_UNREFERENCED_LOCAL_VARIABLE(v) ((void)(v))
#define NOTHING
#define FAR
#define NEAR
#define STDAPICALLTYPE
#define NT_ANALYSIS_ASSUME(e)
#define ANYSIZE_ARRAY 1
#define DEFAULT_UNREACHABLE \
  default:                  \
    __builtin_unreachable()
#define __annotation(...)
#ifdef __cplusplus
#define C_ASSERT(e) static_assert(e, #e)
#else
#define C_ASSERT(e) _Static_assert(e, #e)
#endif
#ifndef ARGUMENT_PRESENT
#define ARGUMENT_PRESENT(p) ((p) != NULL)
#endif

#define VOID void
#define CONST const
#ifndef __cplusplus
// Microsoft's C has the keyword of C++.
#ifndef static_assert
#define static_assert _Static_assert
#endif
#ifndef min
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif
#endif
#define DECLARE_HANDLE(name) typedef struct name##__* name
typedef void* PVOID;
typedef void** PPVOID;
typedef const void* PCVOID;
typedef char CHAR, *PCHAR, *PSTR, *PSZ, *LPSTR, CCHAR, *PCCHAR;
typedef const char *PCSTR, *LPCSTR, *PCSZ, *LPCCH, *PCCH;
typedef signed char SCHAR, INT8, *PINT8;
typedef unsigned char UCHAR, *PUCHAR, BYTE, *PBYTE, UINT8, *PUINT8;
typedef UCHAR BOOLEAN, *PBOOLEAN;
typedef short SHORT, *PSHORT, CSHORT, *PCSHORT, INT16, *PINT16;
typedef unsigned short USHORT, *PUSHORT, WORD, *PWORD, UINT16, *PUINT16;
typedef int INT, *PINT, LONG, *PLONG, INT32, *PINT32, LONG32, *PLONG32, BOOL, *PBOOL, CLONG;
typedef unsigned int UINT, *PUINT, ULONG, *PULONG, DWORD, *PDWORD, UINT32, *PUINT32, ULONG32, *PULONG32,
    DWORD32;
typedef long long LONGLONG, *PLONGLONG, INT64, *PINT64, LONG64, *PLONG64;
typedef unsigned long long ULONGLONG, *PULONGLONG, DWORDLONG, UINT64, *PUINT64, ULONG64, *PULONG64, DWORD64,
    QWORD;
typedef long long INT_PTR, *PINT_PTR, LONG_PTR, *PLONG_PTR;
typedef unsigned long long UINT_PTR, *PUINT_PTR, ULONG_PTR, *PULONG_PTR, DWORD_PTR, *PDWORD_PTR;
typedef ULONG_PTR SIZE_T, *PSIZE_T;
typedef LONG_PTR SSIZE_T, *PSSIZE_T;
typedef wchar_t WCHAR, *PWCHAR, *PWCH, *PWSTR, *LPWSTR, *PZZWSTR;
typedef const wchar_t *PCWSTR, *LPCWSTR, *PCWCH;
typedef PVOID HANDLE, *PHANDLE;
typedef LONG NTSTATUS, *PNTSTATUS;
typedef ULONG LCID, *PLCID, LOGICAL, *PLOGICAL;
typedef LONGLONG USN;
typedef UCHAR KIRQL, *PKIRQL;
typedef CHAR KPROCESSOR_MODE;
typedef SHORT KPRIORITY_SHORT;
typedef LONG KPRIORITY;
typedef ULONG_PTR KAFFINITY, *PKAFFINITY;
typedef ULONG_PTR KSPIN_LOCK, *PKSPIN_LOCK;
typedef ULONG ACCESS_MASK, *PACCESS_MASK;
typedef PVOID PSECURITY_DESCRIPTOR, PSID;

#define TRUE 1
#define FALSE 0
#ifndef NULL
#define NULL ((void*)0)
#endif
#define ANSI_NULL ((CHAR)0)
#define UNICODE_NULL ((WCHAR)0)
#define MINCHAR 0x80
#define MAXCHAR 0x7f
#define MAXSHORT 0x7fff
#define MAXUCHAR 0xff
#define MAXUSHORT 0xffff
#define MINLONG ((LONG)0x80000000)
#define MAXLONG 0x7fffffff
#define MAXULONG 0xffffffffu
#define MAXLONGLONG 0x7fffffffffffffffLL
#define MAXULONGLONG 0xffffffffffffffffULL
#define MAXULONG_PTR ((ULONG_PTR)~0ULL)
#define MAXSIZE_T ((SIZE_T)~0ULL)
#define ULONG_MAX_32 0xffffffffu

#define NT_SUCCESS(s) (((NTSTATUS)(s)) >= 0)
#define NT_INFORMATION(s) ((((ULONG)(s)) >> 30) == 1)
#define NT_WARNING(s) ((((ULONG)(s)) >> 30) == 2)
#define NT_ERROR(s) ((((ULONG)(s)) >> 30) == 3)

#define FIELD_OFFSET(t, f) ((LONG)offsetof(t, f))
#define UFIELD_OFFSET(t, f) ((ULONG)offsetof(t, f))
#define CONTAINING_RECORD(a, t, f) ((t*)((PCHAR)(a)-offsetof(t, f)))
#define RTL_FIELD_SIZE(t, f) (sizeof(((t*)0)->f))
#define RTL_SIZEOF_THROUGH_FIELD(t, f) (offsetof(t, f) + RTL_FIELD_SIZE(t, f))
#define RTL_CONTAINS_FIELD(s, size, f) (((PCHAR)(&(s)->f)) + sizeof((s)->f) <= ((PCHAR)(s)) + (size))
#define RTL_NUMBER_OF(a) (sizeof(a) / sizeof((a)[0]))
#define ARRAYSIZE(a) RTL_NUMBER_OF(a)
#define _ARRAYSIZE(a) RTL_NUMBER_OF(a)

#define MAKELONG(a, b) ((LONG)(((USHORT)(a)) | ((ULONG)((USHORT)(b))) << 16))
#define MAKEWORD(a, b) ((USHORT)(((UCHAR)(a)) | ((USHORT)((UCHAR)(b))) << 8))
#define FlagOn(f, sf) ((f) & (sf))
#define BooleanFlagOn(f, sf) ((BOOLEAN)(((f) & (sf)) != 0))
#define SetFlag(f, sf) ((f) |= (sf))
#define ClearFlag(f, sf) ((f) &= ~(sf))
#define LOWORD(v) ((USHORT)(((ULONG_PTR)(v)) & 0xffff))
#define HIWORD(v) ((USHORT)((((ULONG_PTR)(v)) >> 16) & 0xffff))
#define LOBYTE(v) ((UCHAR)(((ULONG_PTR)(v)) & 0xff))
#define HIBYTE(v) ((UCHAR)((((ULONG_PTR)(v)) >> 8) & 0xff))
#define HandleToULong(h) ((ULONG)(ULONG_PTR)(h))
#define HandleToUlong(h) HandleToULong(h)
#define HandleToLong(h) ((LONG)(LONG_PTR)(h))
#define ULongToHandle(u) ((HANDLE)(ULONG_PTR)(u))
#define UlongToHandle(u) ULongToHandle(u)
#define LongToHandle(l) ((HANDLE)(LONG_PTR)(l))
#define PtrToUlong(p) ((ULONG)(ULONG_PTR)(p))
#define PtrToULong(p) PtrToUlong(p)
#define PtrToLong(p) ((LONG)(LONG_PTR)(p))
#define UlongToPtr(u) ((PVOID)(ULONG_PTR)(u))
#define ULongToPtr(u) UlongToPtr(u)

typedef union _LARGE_INTEGER {
  struct {
    ULONG LowPart;
    LONG HighPart;
  };
  struct {
    ULONG LowPart;
    LONG HighPart;
  } u;
  LONGLONG QuadPart;
} LARGE_INTEGER, *PLARGE_INTEGER;
typedef LARGE_INTEGER PHYSICAL_ADDRESS, *PPHYSICAL_ADDRESS;

typedef union _ULARGE_INTEGER {
  struct {
    ULONG LowPart;
    ULONG HighPart;
  };
  struct {
    ULONG LowPart;
    ULONG HighPart;
  } u;
  ULONGLONG QuadPart;
} ULARGE_INTEGER, *PULARGE_INTEGER;

typedef struct _LUID {
  ULONG LowPart;
  LONG HighPart;
} LUID, *PLUID;

typedef struct _UNICODE_STRING {
  USHORT Length;  // Bytes, without a terminator.
  USHORT MaximumLength;
  PWCH Buffer;
} UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING* PCUNICODE_STRING;

typedef struct _STRING {
  USHORT Length;
  USHORT MaximumLength;
  PCHAR Buffer;
} STRING, *PSTRING, ANSI_STRING, *PANSI_STRING, UTF8_STRING, *PUTF8_STRING;
typedef const STRING *PCSTRING, *PCANSI_STRING;

#define RTL_CONSTANT_STRING(s) \
  { sizeof(s) - sizeof((s)[0]), sizeof(s), (PWCH)(s) }
#define DECLARE_CONST_UNICODE_STRING(v, s) \
  static const WCHAR v##_buffer[] = s;     \
  static const UNICODE_STRING v = {sizeof(s) - sizeof((s)[0]), sizeof(s), (PWCH)v##_buffer}
#define DECLARE_UNICODE_STRING_SIZE(v, n) \
  WCHAR v##_buffer[n];                    \
  UNICODE_STRING v = {0, (n) * sizeof(WCHAR), v##_buffer}

typedef struct _LIST_ENTRY {
  struct _LIST_ENTRY* Flink;
  struct _LIST_ENTRY* Blink;
} LIST_ENTRY, *PLIST_ENTRY;

typedef struct _SINGLE_LIST_ENTRY {
  struct _SINGLE_LIST_ENTRY* Next;
} SINGLE_LIST_ENTRY, *PSINGLE_LIST_ENTRY;

typedef struct _OBJECT_ATTRIBUTES {
  ULONG Length;
  HANDLE RootDirectory;
  PUNICODE_STRING ObjectName;
  ULONG Attributes;
  PVOID SecurityDescriptor;
  PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;
typedef const OBJECT_ATTRIBUTES* PCOBJECT_ATTRIBUTES;

#define OBJ_INHERIT 0x00000002
#define OBJ_PERMANENT 0x00000010
#define OBJ_EXCLUSIVE 0x00000020
#define OBJ_CASE_INSENSITIVE 0x00000040
#define OBJ_OPENIF 0x00000080
#define OBJ_KERNEL_HANDLE 0x00000200

#define InitializeObjectAttributes(p, n, a, r, s) \
  do {                                            \
    (p)->Length = sizeof(OBJECT_ATTRIBUTES);      \
    (p)->RootDirectory = (r);                     \
    (p)->Attributes = (a);                        \
    (p)->ObjectName = (n);                        \
    (p)->SecurityDescriptor = (s);                \
    (p)->SecurityQualityOfService = NULL;         \
  } while (0)

#include <guiddef.h>

#endif  // WSKCERT_INCLUDE_NTDEF_H_
