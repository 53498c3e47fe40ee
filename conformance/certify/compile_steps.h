// What compile.cc and compile_steps.cc share: the steps of a sequence, and the slots that they use.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_COMPILE_STEPS_H_
#define WSKCERT_CONFORMANCE_CERTIFY_COMPILE_STEPS_H_

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "conformance/executor/format.h"
#include "proto/sequence.pb.h"

namespace wskcert {

// The client dispatch pointers that a step or script asks for.
uint32_t DispatchSubset(const google::protobuf::RepeatedField<int>& events, bool none);

// Compiles steps one by one; keeps the first error, and the header with the slots that were used so far.
class StepCompiler {
 protected:
  using StepProto = ::wskcert::Step;

  // What is being compiled, for messages; put into words only when something is wrong with it.
  struct Where {
    const char* list = "";
    int index = 0;
    int step = -1;  // none: the thread or script itself
  };

  std::string Path() const {
    std::string path = absl::StrCat(where_.list, "[", where_.index, "]");
    if (where_.step >= 0) absl::StrAppend(&path, ".steps[", where_.step, "]");
    return path;
  }

  void Fail(const std::string& where, const std::string& what) {
    if (error_.empty()) error_ = absl::StrCat(where, ": ", what);
  }

  // A slot number of a field, noted in `used`.
  uint16_t Slot(uint32_t value, uint32_t limit, uint16_t* used, const char* field) {
    if (value >= limit) {
      Fail(absl::StrCat(Path(), ".", field), absl::StrCat("slot ", value, " is beyond the limit of ", limit));
      return 0;
    }
    *used = std::max<uint16_t>(*used, static_cast<uint16_t>(value + 1));
    return static_cast<uint16_t>(value);
  }
  uint16_t Socket(uint32_t value) { return Slot(value, kMaxSockets, &header_.sockets, "socket"); }
  uint16_t Peer(uint32_t value) { return Slot(value, kMaxPeers, &header_.peers, "peer"); }
  uint32_t Length(uint32_t value) {
    if (value > kMaxTransferBytes) {
      Fail(absl::StrCat(Path(), ".length"), absl::StrCat(value, " bytes, at most ", kMaxTransferBytes));
    }
    return value;
  }

  ProgramStep CompileStep(const StepProto& in);

  Where where_;
  std::string error_;
  ProgramHeader header_ = {};

 private:
  void Simple(ProgramStep* out, Op op);
  void OnSocket(ProgramStep* out, Op op, const ::wskcert::OnSocket& in);
  void WithPeer(ProgramStep* out, Op op, const ::wskcert::WithPeer& in, bool socket);
  void Transfer(ProgramStep* out, Op op, const ::wskcert::Transfer& in, bool peer);
  void OnTarget(ProgramStep* out, Op op, uint32_t target, uint32_t limit, uint16_t* used);
  void CompileOp(const StepProto& in, ProgramStep* out);
  bool CompileClientOp(const StepProto& in, ProgramStep* out);
  uint8_t Npi(int npi);
  uint32_t Size(uint32_t size);
  bool CompileSocketOp(const StepProto& in, ProgramStep* out);
  bool CompileStimulus(const StepProto& in, ProgramStep* out);
  void PeerSends(const StepProto& in, ProgramStep* out);
  void CompileOwnOp(const StepProto& in, ProgramStep* out);
  void IrpOp(const StepProto& in, ProgramStep* out, Op op);
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_COMPILE_STEPS_H_
