// Makes the DEFINE_GUIDs that follow in this file definitions instead of declarations.
#ifndef INITGUID
#define INITGUID
#endif
#include <guiddef.h>
