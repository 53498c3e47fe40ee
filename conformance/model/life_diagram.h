// The automaton of callback_life.h as a page for docs.
#ifndef WSKCERT_CONFORMANCE_MODEL_LIFE_DIAGRAM_H_
#define WSKCERT_CONFORMANCE_MODEL_LIFE_DIAGRAM_H_

#include <string>

#include "conformance/model/callback_life.h"

namespace wskcert::model {

// What an input makes of one phase, and the name of an input, for people.
PhaseSet Next(Phase phase, LifeInput input);
const char* NameOf(LifeInput input);

// Markdown with a mermaid state diagram, written from the table that the judge uses.
std::string LifeDiagram();

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_LIFE_DIAGRAM_H_
