// The reference testee: the other side of the testee protocol (docs/testee_protocol.md), over any provider.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_TESTEE_SERVE_H_
#define WSKCERT_CONFORMANCE_CERTIFY_TESTEE_SERVE_H_

#include "absl/status/status.h"
#include "conformance/certify/provider.h"
#include "proto/testee.pb.h"

namespace wskcert {

// The hello of a testee over `provider`, with the token it was given.
Hello HelloOf(const Provider& provider, const std::string& token);

// Plays one request. The answer: `played`, or an `error`.
TesteeMessage AnswerTo(const PlayRequest& request, Provider* provider);

// Answers what comes on `in` (a file descriptor) with frames on `out`, until bye or the end. An error is one
// of the stream: it was also sent, if it could be.
absl::Status ServeTestee(Provider* provider, int in, int out);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_TESTEE_SERVE_H_
