// Looks things up in docs/hosting.md, for tests with the kernel headers, which cannot include <fstream> and
// <regex>.
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

namespace wskcert::emulator {
namespace {

std::string WithoutSteps(const std::string& text) {
  static const std::regex steps("step [0-9]+");
  return std::regex_replace(text, steps, "step N");
}

}  // namespace

bool PageHas(const std::string& text) {
  static const std::string page = [] {
    std::ifstream file("docs/hosting.md");
    std::stringstream content;
    content << file.rdbuf();
    return WithoutSteps(content.str());
  }();
  return page.find(WithoutSteps(text)) != std::string::npos;
}

}  // namespace wskcert::emulator
