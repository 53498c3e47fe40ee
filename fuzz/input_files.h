// Which files a command line of inputs means.
#ifndef WSKCERT_FUZZ_INPUT_FILES_H_
#define WSKCERT_FUZZ_INPUT_FILES_H_

#include <string>
#include <vector>

namespace wskcert::fuzz {

// The paths that are no directories, and every file below those that are; sorted, for a directory has no
// order of its own. What does not exist, or cannot be listed, is returned as it is: reading it fails, and
// says why.
std::vector<std::string> InputFiles(const std::vector<std::string>& paths);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_INPUT_FILES_H_
