// suite_gen OUT ROOT FILE...: reads the cases, checks that they parse, and writes them as one C++ array.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "proto/sequence.pb.h"

namespace {

bool ReadCase(const std::string& path, wskcert::Case* out) {
  std::ifstream file(path);
  std::stringstream contents;
  contents << file.rdbuf();
  if (!file || !google::protobuf::TextFormat::ParseFromString(contents.str(), out)) {
    std::cerr << path << ": is not the text form of a Case\n";
    return false;
  }
  if (out->rules().empty() || out->summary().empty()) {
    std::cerr << path << ": names no rules, or has no summary\n";
    return false;
  }
  return true;
}

std::string CaseName(const std::string& root, const std::string& path) {
  std::string name = path.substr(root.size() + 1);
  return name.substr(0, name.rfind('.'));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::vector<std::string> paths(argv + 3, argv + argc);
  std::sort(paths.begin(), paths.end());
  wskcert::Suite suite;
  for (const std::string& path : paths) {
    wskcert::NamedCase* added = suite.add_cases();
    added->set_name(CaseName(argv[2], path));
    if (!ReadCase(path, added->mutable_body())) return 1;
  }
  const std::string bytes = suite.SerializeAsString();
  std::ofstream out(argv[1]);
  out << "#include <cstddef>\nnamespace wskcert::suite_internal {\nextern const unsigned char kBytes[];\n"
      << "extern const std::size_t kSize;\nconst unsigned char kBytes[] = {";
  for (size_t i = 0; i < bytes.size(); ++i) {
    out << (i % 24 == 0 ? "\n" : "") << static_cast<unsigned>(static_cast<unsigned char>(bytes[i])) << ",";
  }
  out << "\n0};\nconst std::size_t kSize = " << bytes.size()
      << ";\n}  // namespace wskcert::suite_internal\n";
  out.close();
  return out ? 0 : 1;
}
