// walk UNIVERSE SEED [OUTPUT]: one walk of the model (walk.h) as a trace. With the name of an output: up to
// the first place at which the judge would allow it, which is where to begin when unwitnessed.txt lacks it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "conformance/model/trace_text.h"
#include "conformance/model/walk.h"

int main(int argc, char** argv) {
  using namespace wskcert::model;  // NOLINT: a program of one page
  constexpr size_t kSteps = 60;
  for (Universe universe : kUniverses) {
    if (argc < 3 || std::strcmp(argv[1], NameOf(universe)) != 0) continue;
    Walker walker(universe, static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)));
    bool found = argc < 4;
    size_t length = 0;
    walker.Walk(kSteps, [&](const std::string& output) {
      if (found || output != argv[3]) return;
      found = true;
      length = walker.log().size();
    });
    if (!found) {
      std::fprintf(stderr, "walk: '%s' is not allowed anywhere in this walk\n", argv[3]);
      return 1;
    }
    if (argc < 4) length = walker.log().size();
    std::fputs(TraceText(walker.log().data(), length).c_str(), stdout);
    if (argc >= 4) std::printf("here: %s\n", argv[3]);
    return 0;
  }
  std::fprintf(stderr, "usage: walk connection|listener|conditional|datagram SEED [OUTPUT]\n");
  return 3;
}
