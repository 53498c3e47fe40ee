// The automaton of callback_life.h as a page for docs.
#ifndef WSKCERT_CONFORMANCE_MODEL_LIFE_DIAGRAM_H_
#define WSKCERT_CONFORMANCE_MODEL_LIFE_DIAGRAM_H_

#include <string>

namespace wskcert::model {

// Markdown with a mermaid state diagram, written from the table that the judge uses.
std::string LifeDiagram();

}  // namespace wskcert::model

#endif  // WSKCERT_CONFORMANCE_MODEL_LIFE_DIAGRAM_H_
