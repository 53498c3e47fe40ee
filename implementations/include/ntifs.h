// Everything that this project offers to kernel code is in <wdm.h>; clients include this name as well.
#ifndef WSKCERT_INCLUDE_NTIFS_H_
#define WSKCERT_INCLUDE_NTIFS_H_
#include <wdm.h>
#endif  // WSKCERT_INCLUDE_NTIFS_H_
