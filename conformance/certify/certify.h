// Certification: plays the suite against a provider, judges every trace, confirms every exercise by a
// mutation, and draws up the certificate.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_CERTIFY_H_
#define WSKCERT_CONFORMANCE_CERTIFY_CERTIFY_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "conformance/certify/run_case.h"

namespace wskcert {

inline constexpr char kToolVersion[] = "0.1.0";
// Levels of a certificate: all required rules of the catalogue passed; all of them that the host can bring
// the provider to, and that do not need what a page lets it decline.
inline constexpr char kLevel[] = "full";
inline constexpr char kLevelReachable[] = "reachable";

struct CertifyOptions {
  model::Profile profile = model::Profile::kDocumented;
  // A case's name or a part of it, a topic, or a rule's name; empty: everything. A partial certificate
  // certifies nothing.
  std::string filter;
  // How often each case is played. Every trace is judged; a case is left at its first one that is not
  // accepted.
  int repeat = 1;
  std::string level = kLevel;
  // RFC 3339; the only thing in a certificate that differs from run to run.
  std::string date;
};

// What certifying gave: the certificate, and the traces it rests on, one a case in the same order (of a case
// that was played repeatedly the last one).
struct Certification {
  Certificate certificate;
  std::vector<CaseRun> runs;
};

// Whether level "reachable" does not ask for a rule with this verdict.
bool IsBeyondReach(Verdict verdict);

// Whether a filter chooses a case.
bool CaseMatches(const NamedCase& candidate, const std::string& filter);

// Called before each case, and after it with its run.
using Progress =
    std::function<void(size_t number, size_t total, const std::string& name, const CaseRun* run)>;

// An error only if nothing could be certified: no case matches the filter, or a case does not compile.
absl::StatusOr<Certification> Certify(Provider* provider, const Suite& suite, const CertifyOptions& options,
                                      const Progress& progress);

// Draws up the certificate of runs that were made anywhere, and judged with JudgeRun(); what Certify() does
// once it has played. `capabilities` are those of the host that played them.
Certification CertifyRuns(const ProviderIdentity& identity, uint64_t capabilities, const Suite& suite,
                          const CertifyOptions& options, std::vector<CaseRun> runs);

// The cases of the suite that a filter chooses, in the suite's order.
std::vector<const NamedCase*> Chosen(const Suite& suite, const std::string& filter);

// SHA-256 of what judges, in hexadecimal: the sources of the model.
const char* ModelSha256();

const char* ProfileName(model::Profile profile);
absl::StatusOr<model::Profile> ParseProfile(const std::string& name);

// What no rule of any certificate will speak about.
const std::vector<std::string>& OutOfScope();
// Parts of the subject that the model does not speak for yet: a line a topic of the catalogue.
std::vector<std::string> NotModelled();

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_CERTIFY_H_
