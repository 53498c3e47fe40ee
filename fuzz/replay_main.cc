// Runs a target over files and directories of inputs, without libFuzzer: in every build, so that what the
// corpus has found once stays found.
//
//   NAME_replay FILE|DIRECTORY...
//
// A finding aborts, like under libFuzzer. Status 3 if there is nothing to run.
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include "conformance/certify/trace_io.h"
#include "fuzz/input_files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  const std::vector<std::string> files = wskcert::fuzz::InputFiles({argv + 1, argv + argc});
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> contents = wskcert::ReadFile(file);
    if (!contents.ok()) {
      std::cerr << contents.status().message() << "\n";
      return 3;
    }
    // What a finding aborts in the middle of says which file it was.
    std::cerr << file << "\n";
    // A copy of just that size, so that AddressSanitizer sees what is read beyond it.
    const std::vector<uint8_t> bytes(contents->begin(), contents->end());
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::cerr << files.size() << " inputs, no finding\n";
  return files.empty() ? 3 : 0;
}
