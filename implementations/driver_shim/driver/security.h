// Who may open the device: SYSTEM and Administrators, nobody else. Internal to the driver.
#ifndef WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_SECURITY_H_
#define WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_SECURITY_H_

#include <stdint.h>

namespace wskcert::shim {

// A security descriptor in its self-relative form, byte for byte, for D:P(A;;GA;;;SY)(A;;GA;;;BA).
alignas(8) inline constexpr uint8_t kSystemAndAdministrators[] = {
    // Revision; SE_SELF_RELATIVE, SE_DACL_PROTECTED, SE_DACL_PRESENT; no owner, group, SACL; the DACL is
    // at 20.
    1, 0, 0x04, 0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0,
    // ACL of revision 2, 52 bytes, 2 entries.
    2, 0, 52, 0, 2, 0, 0, 0,
    // ACCESS_ALLOWED_ACE of 20 bytes: GENERIC_ALL for S-1-5-18.
    0, 0, 20, 0, 0, 0, 0, 0x10, 1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
    // ACCESS_ALLOWED_ACE of 24 bytes: GENERIC_ALL for S-1-5-32-544.
    0, 0, 24, 0, 0, 0, 0, 0x10, 1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 0x02, 0, 0};
static_assert(sizeof(kSystemAndAdministrators) == 20 + 52);

}  // namespace wskcert::shim

#endif  // WSKCERT_IMPLEMENTATIONS_DRIVER_SHIM_DRIVER_SECURITY_H_
