// For tests of kernel code: runs a callable inside Run.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_TEST_SUPPORT_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_TEST_SUPPORT_H_

#include "implementations/emulator/kernel/runtime.h"
#include "implementations/emulator/kernel/sanitizers.h"

namespace wskcert::emulator {

template <typename Function>
RunReport Play(Function function, const RunOptions& options = {}) {
  RunReport report;
  Run(
      options, [](void* context) { (*static_cast<Function*>(context))(); }, &function, &report);
  return report;
}

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_TEST_SUPPORT_H_
