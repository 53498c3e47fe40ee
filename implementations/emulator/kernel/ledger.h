// The ledger: everything that kernel code allocated and must give back. Each block carries a hidden header
// with its place in a list of all live ones, so that leaks are found and reclaimed in time proportional to
// what was left.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_LEDGER_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_LEDGER_H_

#include <cstddef>
#include <cstdint>

#include "implementations/emulator/kernel/runtime.h"

namespace wskcert::emulator {

enum class LedgerKind : uint8_t { kPool, kIrp, kMdl };

// Precedes every block, which is therefore aligned to 64 bytes.
struct alignas(64) LedgerHeader {
  LedgerHeader* next;
  LedgerHeader* previous;
  uint64_t magic;  // LiveMagic or FreedMagic of the block's address.
  uint64_t size;   // Bytes asked for.
  uint64_t step;   // Of the allocation, then of the release.
  uint32_t tag;
  LedgerKind kind;
  uint8_t size_class;
  bool paged;
};

inline uint64_t LiveMagic(const void* block) {
  return 0x5357'4b43'4c49'5645 ^ reinterpret_cast<uintptr_t>(block);
}
inline uint64_t FreedMagic(const void* block) {
  return 0x5357'4b43'4652'4545 ^ reinterpret_cast<uintptr_t>(block);
}
inline LedgerHeader* HeaderOf(const void* block) {
  return static_cast<LedgerHeader*>(const_cast<void*>(block)) - 1;
}

// Contents are undefined. nullptr when the run asked for this allocation to fail, or memory is out. Under
// AddressSanitizer and ThreadSanitizer every block is one of malloc's; otherwise released blocks are kept by
// size.
void* LedgerAllocate(LedgerKind kind, size_t size, uint32_t tag);

// The block must be live.
void LedgerFree(void* block);

// Whether the bytes behind the block are as they were.
bool GuardIntact(const void* block);

void ResetLedger(uint32_t fail_allocation);
uint32_t LedgerAllocations();

// Describes what is live, and takes it back.
void CollectLeaks(LeakSummary* leaks);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_LEDGER_H_
