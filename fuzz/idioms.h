// Idioms: small pieces of a program that belong together, as a person would write them, with whatever they
// need made first. What a single step can do alone, MakeStep (make.h) does.
#ifndef WSKCERT_FUZZ_IDIOMS_H_
#define WSKCERT_FUZZ_IDIOMS_H_

#include "fuzz/writer.h"

namespace wskcert::fuzz {

// One idiom, chosen by weight. Where the writer writes a script, one that does not wait.
void WriteIdiom(Writer* writer);

// A socket that is in use where the writer stands, made there if need be; and a peer with it.
struct Pair {
  int socket = 0;
  int peer = 0;
};
Pair AnyConnection(Writer* writer);
int AnyListener(Writer* writer, bool conditional);
int AnyDatagramSocket(Writer* writer);

// An occasion for `event` to be called on `socket`; false if there is none.
bool Trigger(Writer* writer, EventName event, int socket);

// Steps that a client may well make while a call of `event` on `socket` runs, inside it or beside.
void Meanwhile(Writer* writer, EventName event, int socket);

// How a call ends, beside what it does; and for an accept what it accepts.
void ChooseReturn(Writer* writer, Script* script);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_IDIOMS_H_
