// What an exported client sees, compared line by line with what was seen when it was exported. Internal to
// the host program.
#ifndef WSKCERT_CONFORMANCE_EXPORT_KIT_RECORDER_H_
#define WSKCERT_CONFORMANCE_EXPORT_KIT_RECORDER_H_

#include "conformance/export/kit/scene.h"

namespace wskcert {

// Whom peers' sights go to, in the next run; null: nobody any more.
void SetScene(void (*peer_saw)(int, unsigned, const unsigned char*, unsigned));

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXPORT_KIT_RECORDER_H_
