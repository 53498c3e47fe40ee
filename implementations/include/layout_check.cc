// Compiled twice, once over these headers and once over mingw-w64's: what compiles in both is the same in
// both.
#include <wdm.h>

#define CHECK_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type);
#define CHECK_OFFSET(type, member, bytes) \
  static_assert(__builtin_offsetof(type, member) == (bytes), #type "." #member);
// Some names are signed in one set of headers and unsigned in the other: the bits count.
#define CHECK_VALUE(name, number) \
  static_assert((long long)(name) == (long long)(number) || (unsigned)(name) == (number), #name);

#include "implementations/include/layout_check.inc"
#include "implementations/include/layout_check_more.inc"

#ifdef WSKCERT_OWN_HEADERS
// What mingw-w64 does not have, or has without the alignment that Windows gives it.
CHECK_SIZE(DEVICE_OBJECT, 0x150)
CHECK_SIZE(RTL_RUN_ONCE, 0x8)
CHECK_SIZE(OSVERSIONINFOW, 0x114)
CHECK_SIZE(OSVERSIONINFOEXW, 0x11c)
CHECK_VALUE(RTL_RUN_ONCE_INIT_FAILED, 4)
CHECK_VALUE(RTL_RUN_ONCE_CHECK_ONLY, 1)
CHECK_VALUE(RTL_RUN_ONCE_CTX_RESERVED_BITS, 2)
CHECK_VALUE(ContinueCompletion, 0)
CHECK_VALUE(StopCompletion, 0xC0000016)
CHECK_VALUE(POOL_FLAG_UNINITIALIZED, 0x2)
CHECK_VALUE(POOL_FLAG_NON_PAGED, 0x40)
CHECK_VALUE(POOL_FLAG_NON_PAGED_EXECUTE, 0x80)
CHECK_VALUE(POOL_FLAG_PAGED, 0x100)
CHECK_VALUE(MdlMappingNoExecute, 0x40000000)
#endif
