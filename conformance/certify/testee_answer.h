// What a testee's answer says, once it has been checked.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_TESTEE_ANSWER_H_
#define WSKCERT_CONFORMANCE_CERTIFY_TESTEE_ANSWER_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "conformance/certify/provider.h"
#include "proto/testee.pb.h"

namespace wskcert {

// Reads the answer to request `id` of a testee that said `hello`. Returns what is wrong with it, or nothing
// and the result.
std::string ReadAnswer(const TesteeMessage& answer, const Hello& hello, uint32_t id, PlayResult* out);

// Results of plays that gave no log.
PlayResult DeadResult(const Hello& hello, Ending ending, std::string report);
PlayResult FaultyResult(const Hello& hello, std::string fault);

// "an answer", "a hello"...
const char* MessageKind(const TesteeMessage& message);

// Text from elsewhere, at most `limit` bytes of it, without control characters.
std::string Printable(absl::string_view text, size_t limit = 2048);

ProviderIdentity IdentityOf(const Hello& hello);
std::vector<NamedChoice> ChoicesOf(const Hello& hello);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_TESTEE_ANSWER_H_
