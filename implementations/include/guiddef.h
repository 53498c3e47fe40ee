// GUID. DEFINE_GUID declares; in the one file that includes <initguid.h> first it defines.
#ifndef WSKCERT_INCLUDE_GUIDDEF_H_
#define WSKCERT_INCLUDE_GUIDDEF_H_

#include <ntdef.h>

typedef struct _GUID {
  ULONG Data1;
  USHORT Data2;
  USHORT Data3;
  UCHAR Data4[8];
} GUID, *PGUID, *LPGUID;
typedef const GUID *PCGUID, *LPCGUID;
typedef GUID IID, CLSID;

#ifdef __cplusplus
#define REFGUID const GUID &
#define REFIID const IID &
inline bool IsEqualGUID(REFGUID a, REFGUID b) { return __builtin_memcmp(&a, &b, sizeof(GUID)) == 0; }
inline bool operator==(REFGUID a, REFGUID b) { return IsEqualGUID(a, b); }
#if __cplusplus < 202002L
inline bool operator!=(REFGUID a, REFGUID b) { return !IsEqualGUID(a, b); }
#endif
#else
#define REFGUID const GUID *
#define REFIID const IID *
#define IsEqualGUID(a, b) (__builtin_memcmp((a), (b), sizeof(GUID)) == 0)
#endif
#define InlineIsEqualGUID(a, b) IsEqualGUID(a, b)
#define IsEqualIID(a, b) IsEqualGUID(a, b)

#endif  // WSKCERT_INCLUDE_GUIDDEF_H_

// Outside the guard, because <initguid.h> may come after a first inclusion.
#undef DEFINE_GUID
#ifdef INITGUID
#define DEFINE_GUID(n, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) \
  EXTERN_C const GUID DECLSPEC_SELECTANY n;                       \
  EXTERN_C const GUID DECLSPEC_SELECTANY n = {l, w1, w2, {b1, b2, b3, b4, b5, b6, b7, b8}}
#else
#define DEFINE_GUID(n, l, w1, w2, b1, b2, b3, b4, b5, b6, b7, b8) EXTERN_C const GUID n
#endif
