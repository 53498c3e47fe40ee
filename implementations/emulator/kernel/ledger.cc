#include "implementations/emulator/kernel/ledger.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "implementations/emulator/kernel/real_threads.h"
#include "implementations/emulator/kernel/sanitizers.h"
#include "implementations/emulator/kernel/scheduler.h"

namespace wskcert::emulator {
namespace {

#if defined(WSKCERT_ASAN) || defined(WSKCERT_TSAN)
constexpr bool kKeepBlocks = false;
#else
constexpr bool kKeepBlocks = true;
#endif

// AddressSanitizer has redzones of its own, which our guard would only push away.
#ifdef WSKCERT_ASAN
constexpr size_t kGuardSize = 0;
#else
constexpr size_t kGuardSize = 16;
#endif
constexpr uint8_t kGuardByte = 0xFD;
constexpr uint8_t kClasses = 12;  // 64 bytes to 128 KiB.
constexpr uint8_t kUnpooled = 0xFF;

struct Ledger {
  LedgerHeader* live;
  LedgerHeader* free[kClasses];
  uint32_t allocations;
  uint32_t fail_allocation;
  uint32_t fail_next;
};
Ledger g_ledger;

// With real threads: guards g_ledger.
class LedgerLock {
 public:
  LedgerLock() : real_(g_scheduler.real) {
    if (__builtin_expect(real_, 0)) g_mutex.Lock();
  }
  ~LedgerLock() {
    if (__builtin_expect(real_, 0)) g_mutex.Unlock();
  }
  LedgerLock(const LedgerLock&) = delete;
  LedgerLock& operator=(const LedgerLock&) = delete;

 private:
  static HiddenMutex g_mutex;
  const bool real_;
};
constinit HiddenMutex LedgerLock::g_mutex;

uint8_t ClassOf(size_t size) {
  if (size <= 64) return 0;
  const int bits = 64 - __builtin_clzll(size - 1);
  return bits - 6 < kClasses ? static_cast<uint8_t>(bits - 6) : kUnpooled;
}

void* NewBlock(size_t capacity) {
  const size_t size = (sizeof(LedgerHeader) + capacity + 63) / 64 * 64;
  // A sanitizer sees an overrun only right behind what was asked for, so there the size is exact.
  void* memory = nullptr;
  if (posix_memalign(&memory, 64, kKeepBlocks ? size : sizeof(LedgerHeader) + capacity) != 0) return nullptr;
  return memory;
}

}  // namespace

void* LedgerAllocate(LedgerKind kind, size_t size, uint32_t tag) {
  LedgerLock lock;
  if (++g_ledger.allocations == g_ledger.fail_allocation) return nullptr;
  if (g_ledger.fail_next > 0) {
    --g_ledger.fail_next;
    return nullptr;
  }
  if (size > (uint64_t{1} << 30)) return nullptr;
  const uint8_t size_class = ClassOf(size + kGuardSize);
  LedgerHeader* header;
  if (kKeepBlocks && size_class != kUnpooled) {
    header = g_ledger.free[size_class];
    if (header != nullptr) {
      g_ledger.free[size_class] = header->next;
    } else {
      header = static_cast<LedgerHeader*>(NewBlock(size_t{64} << size_class));
    }
  } else {
    header = static_cast<LedgerHeader*>(NewBlock(size + kGuardSize));
  }
  if (header == nullptr) return nullptr;
  void* block = header + 1;
  header->next = g_ledger.live;
  header->previous = nullptr;
  if (header->next != nullptr) header->next->previous = header;
  g_ledger.live = header;
  header->magic = LiveMagic(block);
  header->size = size;
  header->step = t_steps;
  header->tag = tag;
  header->kind = kind;
  header->size_class = size_class;
  header->paged = false;
  std::memset(static_cast<char*>(block) + size, kGuardByte, kGuardSize);
  return block;
}

void LedgerFree(void* block) {
  LedgerHeader* header = HeaderOf(block);
  LedgerLock lock;
  (header->previous != nullptr ? header->previous->next : g_ledger.live) = header->next;
  if (header->next != nullptr) header->next->previous = header->previous;
  header->magic = FreedMagic(block);
  header->step = t_steps;
  if (kKeepBlocks && header->size_class != kUnpooled) {
    header->next = g_ledger.free[header->size_class];
    g_ledger.free[header->size_class] = header;
  } else {
    std::free(header);
  }
}

bool GuardIntact(const void* block) {
  const uint8_t* guard = static_cast<const uint8_t*>(block) + HeaderOf(block)->size;
  for (size_t i = 0; i < kGuardSize; ++i) {
    if (guard[i] != kGuardByte) return false;
  }
  return true;
}

void ResetLedger(uint32_t fail_allocation) {
  g_ledger.allocations = 0;
  g_ledger.fail_allocation = fail_allocation;
  g_ledger.fail_next = 0;
}

void FailNextAllocations(uint32_t count) {
  LedgerLock lock;
  g_ledger.fail_next = count;
}

uint32_t LedgerAllocations() { return g_ledger.allocations; }

void CollectLeaks(LeakSummary* leaks) {
  while (g_ledger.live != nullptr) {
    LedgerHeader* header = g_ledger.live;
    const char* kind = "pool block";
    switch (header->kind) {
      case LedgerKind::kPool:
        ++leaks->pool_blocks;
        leaks->pool_bytes += header->size;
        break;
      case LedgerKind::kIrp:
        ++leaks->irps;
        kind = "IRP";
        break;
      case LedgerKind::kMdl:
        ++leaks->mdls;
        kind = "MDL";
        break;
    }
    // Overwritten until the oldest is left: what leaked first usually explains the rest.
    char tag[5] = {};
    for (int i = 0; i < 4; ++i) {
      const char c = static_cast<char>(header->tag >> (8 * i));
      tag[i] = c >= ' ' && c <= '~' ? c : '.';
    }
    std::snprintf(leaks->first, sizeof(leaks->first), "%s of %llu bytes, tag '%s', allocated at step %llu",
                  kind, static_cast<unsigned long long>(header->size), tag,
                  static_cast<unsigned long long>(header->step));
    LedgerFree(header + 1);
  }
}

}  // namespace wskcert::emulator
