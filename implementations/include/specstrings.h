// Everything that this project offers of annotations is in <sal.h>.
#ifndef WSKCERT_INCLUDE_SPECSTRINGS_H_
#define WSKCERT_INCLUDE_SPECSTRINGS_H_
#include <sal.h>
#endif  // WSKCERT_INCLUDE_SPECSTRINGS_H_
