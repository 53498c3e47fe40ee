// Packs: the suite for a machine without wskcert, and what was recorded there (docs/testee_protocol.md).
#ifndef WSKCERT_CONFORMANCE_CERTIFY_PACK_H_
#define WSKCERT_CONFORMANCE_CERTIFY_PACK_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "conformance/certify/provider.h"
#include "conformance/model/judge.h"
#include "proto/sequence.pb.h"

namespace wskcert {

// Ties a record to the programs that were played: a SHA-256 over those of the whole suite.
absl::StatusOr<std::string> PackToken(const Suite& suite);

// The contents of a pack that asks for every case of `suite` whose name contains `filter`. An error if there
// is none.
absl::StatusOr<std::string> MakePack(const Suite& suite, const std::string& filter, uint32_t timeout_ms);

// A pack that asks, with more time, for the cases of a record in which something is missing after silence
// that was only timed (timed.h), as far as the record does not have them yet. What is recorded of it is
// appended to the record. NotFound: there is none.
absl::StatusOr<std::string> MakePackForMoreTime(const Suite& suite, Provider* record, model::Profile profile,
                                                uint32_t timeout_ms);

// Whether these are the contents of a pack, rather than of a trace.
bool LooksLikePack(absl::string_view contents);

// A provider that plays nothing: it gives the answers that were recorded. `contents` is the record, `name`
// how the command line spells the provider, "pack:FILE". An error says what is wrong with the record as a
// whole, and in which file.
absl::StatusOr<std::unique_ptr<Provider>> MakePackProvider(const std::string& name,
                                                           absl::string_view contents, const Suite& suite);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_PACK_H_
