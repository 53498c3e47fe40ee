// Saboteurs: providers that each break one rule on purpose, made by standing between a client and an honest
// provider.
//
// They prove that a suite bites: played over a saboteur it must fail, and name the saboteur's rule first.
//
//   const SaboteurInfo* saboteur = FindSaboteur("disable-irp-completes-early");
//   const void* exports = Sabotage(EmulatorExports(), const_cast<SaboteurInfo*>(saboteur));
//
// "none" is the interposer that sabotages nothing: an honest provider behind it must still be seen as honest.
// Plain C++, without <wdm.h>, so that host code may include it.
#ifndef WSKCERT_CONFORMANCE_SABOTEURS_SABOTEURS_H_
#define WSKCERT_CONFORMANCE_SABOTEURS_SABOTEURS_H_

#include <stddef.h>

namespace wskcert {

struct SaboteurInfo {
  const char* name;   // kebab-case; says what the provider does wrong
  const char* rule;   // the rule that it breaks, as the catalogue names it; "" for "none"
  const char* what;   // one sentence for reports
  const char* where;  // where an honest provider would have to be changed to be like it: npi, exports,
                      // transport or runtime
  bool needs_child;   // it takes its process down, so play it in a child process
};

// All of them, in a fixed order; the first is "none". The array lives as long as the program.
const SaboteurInfo* Saboteurs(size_t* count);

// Null if there is none of that name.
const SaboteurInfo* FindSaboteur(const char* name);

// Wraps a provider: takes and returns a const WSK_EXPORTS* (a Testbed::Interpose). `context` is a const
// SaboteurInfo* of the array above. Forgets everything about the run before, however that ended, so call it
// once before each run and never during one. One wrapped provider at a time in a process.
//
// The wrapper takes one location of each IRP's stack for itself, so the client's IRPs need one more than the
// provider uses.
const void* Sabotage(const void* exports, void* context);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_SABOTEURS_SABOTEURS_H_
