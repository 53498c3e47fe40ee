// promela_compare BOUND START FILE [BOUND START FILE]...: compares what disable.pml allows with what the
// judge allows. A FILE holds the traces of disable.pml, as trace_store.h writes them: all of up to BOUND
// labels that begin with START ("-" for nothing). Both languages are closed under prefixes, so every trace
// that is not tried has a prefix that at most one of the two allows.
//
// Exit status: 0 if they agree but for what the table explains (differences.h), and every entry of it was
// needed; 1 if not; 3 for bad usage.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "conformance/model/judge.h"
#include "conformance/model/promela/alphabet.h"
#include "conformance/model/promela/differences.h"
#include "conformance/model/trace_text.h"

namespace wskcert::model::promela {

namespace {

constexpr int kAgree = 0;
constexpr int kDisagree = 1;
constexpr int kBadUsage = 3;

// The traces of the Promela model, as a tree.
class Language {
 public:
  Language() : nodes_(1) {}

  // The child of `node` with this label; 0 if there is none. The root is 0.
  int Child(int node, int label) const {
    int child = nodes_[node].first_child;
    while (child != 0 && nodes_[child].label != label) child = nodes_[child].next_sibling;
    return child;
  }

  // False: not a trace, or not after its prefix.
  bool Add(const std::string& line) {
    int node = 0;
    for (size_t i = 0; i < line.size(); ++i) {
      const int label = line[i] - '@';
      if (label < 1 || label > kLabels) return false;
      int child = Child(node, label);
      if (child == 0) {
        if (i + 1 != line.size()) return false;
        child = static_cast<int>(nodes_.size());
        nodes_.push_back({0, nodes_[node].first_child, static_cast<uint8_t>(label)});
        nodes_[node].first_child = child;
      }
      node = child;
    }
    return !line.empty();
  }

  bool Read(const char* path) {
    std::ifstream in(path);
    std::string line;
    while (std::getline(in, line)) {
      if (!Add(line)) {
        std::fprintf(stderr, "%s: not a trace: %s\n", path, line.c_str());
        return false;
      }
    }
    if (nodes_.size() == 1) std::fprintf(stderr, "%s: no traces\n", path);
    return nodes_.size() != 1;
  }

 private:
  struct Node {
    int first_child = 0;
    int next_sibling = 0;
    uint8_t label = 0;
  };
  std::vector<Node> nodes_;
};

// Disagreements of one kind: their number, and the shortest.
struct Group {
  size_t count = 0;
  size_t length = 0;
  std::string text;
};

struct Findings {
  size_t explained[kDifferenceCount] = {};
  std::map<std::string, Group> groups;
};

// Walks both languages at once.
class Comparison {
 public:
  Comparison(const Language& language, size_t bound, Findings* findings)
      : language_(language), bound_(bound), findings_(findings) {}

  // False: not a trace of both.
  bool Start(const std::string& start) {
    for (const char c : start) {
      const int label = c - '@';
      node_ = language_.Child(node_, label);
      if (node_ == 0 || !trace_.Fits(label)) return false;
      trace_.Push(label);
      if (!JudgeAllows()) return false;
    }
    return true;
  }

  // False: the file holds what is no trace of the alphabet.
  bool Run() {
    Walk(node_);
    return !broken_;
  }

  size_t allowed() const { return allowed_; }
  size_t refused() const { return refused_; }

 private:
  bool JudgeAllows() {
    judge_.Start(~uint64_t{0});
    return judge_.ObserveAll(trace_.log().data(), trace_.log().size());
  }

  void Walk(int node) {
    if (trace_.text().size() == bound_) return;
    for (int label = 1; label <= kLabels; ++label) {
      const int child = language_.Child(node, label);
      if (!trace_.Fits(label)) {
        if (child != 0) {
          std::fprintf(stderr, "%s%c is no trace of the alphabet\n", trace_.text().c_str(), '@' + label);
          broken_ = true;
        }
        continue;
      }
      trace_.Push(label);
      const bool judged = JudgeAllows();
      if (judged != (child != 0)) {
        Differ(judged);
      } else if (judged) {
        ++allowed_;
        Walk(child);
      } else {
        ++refused_;
      }
      trace_.Pop();
    }
  }

  void Differ(bool judged) {
    for (int i = 0; i < kDifferenceCount && judged; ++i) {
      if (!kDifferences[i].explains(trace_.text())) continue;
      ++findings_->explained[i];
      return;
    }
    const Observation& last = trace_.log().back();
    const char* const kinds[] = {"an enable", "a disable", "a disable with an IRP", "a return",  "an event",
                                 "a call",    "its end",   "a completion",          "quiescence"};
    std::string key = judged ? "only the model allows " : "only disable.pml allows ";
    key += kinds[static_cast<size_t>(LabelOf(trace_.text().back() - '@').kind)];
    key += " (" + StatusText(last.status) + ")";
    for (size_t i = 0; !judged && i < judge_.refusal().blamed_count; ++i) {
      key += std::string(", against ") + kRuleInfo[static_cast<size_t>(judge_.refusal().blamed[i])].name;
    }
    Group& group = findings_->groups[key];
    ++group.count;
    if (!group.text.empty() && trace_.text().size() >= group.length) return;
    group.length = trace_.text().size();
    group.text = trace_.text() + "\n" + TraceText(trace_.log().data(), trace_.log().size());
  }

  const Language& language_;
  const size_t bound_;
  Findings* const findings_;
  Trace trace_;
  Judge judge_{Profile::kDocumented};
  int node_ = 0;
  size_t allowed_ = 0, refused_ = 0;
  bool broken_ = false;
};

int Report(const Findings& findings) {
  int status = kAgree;
  std::printf("traces that the model alone allows:\n");
  for (int i = 0; i < kDifferenceCount; ++i) {
    std::printf("%9zu  %s\n           %s\n", findings.explained[i], kDifferences[i].name,
                kDifferences[i].why);
    if (findings.explained[i] == 0) status = kDisagree;
  }
  if (status != kAgree) std::printf("an entry of the table of differences explains nothing\n");
  for (const auto& [key, group] : findings.groups) {
    std::printf("\n%zu traces: %s; the shortest is %s", group.count, key.c_str(), group.text.c_str());
    status = kDisagree;
  }
  if (status == kAgree) std::printf("the two readings agree\n");
  return status;
}

int Main(int argc, char** argv) {
  if (argc < 4 || argc % 3 != 1) {
    std::fprintf(stderr, "usage: promela_compare BOUND START FILE [BOUND START FILE]...\n");
    return kBadUsage;
  }
  Findings findings;
  for (int i = 1; i < argc; i += 3) {
    const std::string start = argv[i + 1][0] == '-' ? "" : argv[i + 1];
    Language language;
    if (!language.Read(argv[i + 2])) return kBadUsage;
    Comparison comparison(language, static_cast<size_t>(std::atoi(argv[i])), &findings);
    if (!comparison.Start(start)) {
      std::fprintf(stderr, "not both allow %s\n", start.c_str());
      return kDisagree;
    }
    if (!comparison.Run()) return kBadUsage;
    std::printf(
        "up to %s labels after '%s': %zu traces allowed by both, %zu refused by both at their last label\n",
        argv[i], start.c_str(), comparison.allowed(), comparison.refused());
  }
  return Report(findings);
}

}  // namespace

}  // namespace wskcert::model::promela

int main(int argc, char** argv) { return wskcert::model::promela::Main(argc, argv); }
