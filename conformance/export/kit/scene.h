// What surrounds an exported client where it is hosted on the emulator: peers, the network, and who writes
// down what was seen. Plain C for both sides: the kit (kit.h) calls these functions, and the host program
// (scene.cc) has them. Whoever takes an exported client elsewhere has his own peers, and makes these
// functions do what they do there.
#ifndef WSKCERT_CONFORMANCE_EXPORT_KIT_SCENE_H_
#define WSKCERT_CONFORMANCE_EXPORT_KIT_SCENE_H_

#ifdef __cplusplus
extern "C" {
#endif

// One line about what was seen. Any IRQL.
void SceneSay(const char* line);
// Waits until nothing more happens. PASSIVE_LEVEL, no callback.
void SceneSettle(void);
// Another thread may go on here.
void SceneYield(void);
// A small number for the calling thread.
unsigned SceneThread(void);
// What the calling thread is about to wait for, for reports.
void SceneNote(const char* text);

// Writes the SOCKADDR of a peer (at most 28 bytes) and returns its length, 0 if there is no such peer.
unsigned ScenePeerAddress(unsigned peer, int ipv6, void* address);
// The peer at an address; 0xFFFFFFFF: nobody.
unsigned ScenePeerOfAddress(const void* address);

// What peers and the network do. 0: impossible now. What comes of it comes later.
int ScenePeerConnect(unsigned peer, const void* local_address);
int ScenePeerSend(unsigned peer, const unsigned char* bytes, unsigned length, int push);
// `cast`: 0 to one host, 1 broadcast, 2 multicast.
int ScenePeerSendDatagram(unsigned peer, const void* local_address, const unsigned char* bytes,
                          unsigned length, unsigned cast);
int ScenePeerDisconnect(unsigned peer);
int ScenePeerReset(unsigned peer);
int ScenePeerAbandon(unsigned peer);
int ScenePeerHoldAcks(unsigned peer, int hold);
// `policy`: 0 accepts, 1 refuses, 2 never answers.
int ScenePeerListen(unsigned peer, unsigned policy);
int SceneSetIdealBacklog(unsigned peer, unsigned bytes);
int SceneBreakSocket(unsigned peer);
int SceneBreakBound(const void* local_address);
int SceneNoHalfOpen(unsigned peer);
int SceneFailAllocations(unsigned count);
int SceneSetReady(int ready);
int SceneTransportListChange(void);

// The client's, for the scene: a peer saw something.
enum { SCENE_CONNECTED, SCENE_DATA, SCENE_FIN, SCENE_RESET, SCENE_REFUSED, SCENE_DATAGRAM };
void PeerSaw(int what, unsigned peer, const unsigned char* bytes, unsigned length);

// What was seen when the client was exported: the exported file defines `Record`.
typedef struct SCENE_CHOICE {
  const char* Name;  // docs/choices.md
  unsigned Value;
} SCENE_CHOICE;
typedef struct SCENE_RECORD {
  const char* Case;
  const char* Provider;  // as `wskcert --provider` names it
  const char* Broken;    // the rule that it broke, or how it died; empty: nothing
  const char* Ending;    // "finished", "bugcheck", ...
  const char* const* Lines;
  unsigned LineCount;
  int Violation;  // the line in which that was seen; -1: none
  const unsigned char* Schedule;
  unsigned ScheduleSize;
  const SCENE_CHOICE* Choices;
  unsigned ChoiceCount;
  unsigned FailAllocation;  // the n-th one of the run fails; 0: none
} SCENE_RECORD;

#ifdef __cplusplus
}
#endif

#endif  // WSKCERT_CONFORMANCE_EXPORT_KIT_SCENE_H_
