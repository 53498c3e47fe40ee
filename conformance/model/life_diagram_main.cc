// life_diagram > docs/callback_life.md
#include <cstdio>

#include "conformance/model/life_diagram.h"

int main() {
  std::fputs(wskcert::model::LifeDiagram().c_str(), stdout);
  return 0;
}
