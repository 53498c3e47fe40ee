#include "fuzz/input_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace wskcert::fuzz {

std::vector<std::string> InputFiles(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    std::filesystem::recursive_directory_iterator it(path, error), end;
    for (; !error && it != end; it.increment(error)) {
      if (it->is_regular_file()) files.push_back(it->path().string());
    }
    if (error) files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace wskcert::fuzz
