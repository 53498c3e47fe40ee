// Providers that decline, for tests of the verdict `declined`: an honest one, of which some requests are
// answered with STATUS_NOT_SUPPORTED instead. Those that do so always, and do nothing else, break no rule;
// the others lie. Plain C++, without <wdm.h>, so that host code may include it.
#ifndef WSKCERT_CONFORMANCE_SABOTEURS_DECLINING_H_
#define WSKCERT_CONFORMANCE_SABOTEURS_DECLINING_H_

namespace wskcert {

// "conditional-accept", "waitall", "drain", "silent-mode": declines that. "waitall-of-much": declines it for
// 100 bytes and more, and grants it for less. "conditional-accept-and-asks", "silent-mode-and-falls-silent":
// says that it declines, and does it. "waitall-without-completing": returns STATUS_NOT_SUPPORTED and keeps
// the IRP. "enabling": declines what no page lets it. Null if there is none of that name.
const void* FindDecliner(const char* name);

// A Testbed::Interpose; `context` is what FindDecliner returned. Everything else as Sabotage (saboteurs.h).
const void* Decline(const void* exports, void* context);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_SABOTEURS_DECLINING_H_
