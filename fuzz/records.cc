#include "fuzz/records.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "conformance/executor/format.h"
#include "fuzz/random.h"

namespace wskcert::fuzz {
namespace {

// Records are read and written by copy: bytes from an engine are aligned for nothing.
template <typename T>
T Load(const uint8_t* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}
template <typename T>
void Store(uint8_t* to, const T& value) {
  std::memcpy(to, &value, sizeof(T));
}

bool HasMagic(const uint8_t* data, size_t size, uint32_t magic) {
  return size >= sizeof(magic) && Load<uint32_t>(data) == magic;
}

// How many records of `each` bytes there is room for, out of `wanted`.
template <typename T>
T Fit(T wanted, size_t limit, size_t each, size_t* room) {
  const size_t count = std::min({static_cast<size_t>(wanted), limit, *room / each});
  *room -= count * each;
  return static_cast<T>(count);
}

// Deals the steps out in order; the last taker gets what is left.
class Dealer {
 public:
  Dealer(uint32_t steps, uint32_t takers) : left_(steps), takers_(takers) {}
  void Deal(uint32_t* first, uint32_t* count) {
    const uint32_t taken = --takers_ == 0 ? left_ : std::min(*count, left_);
    *first = next_;
    *count = taken;
    next_ += taken;
    left_ -= taken;
  }

 private:
  uint32_t next_ = 0;
  uint32_t left_;
  uint32_t takers_;
};

void DealSteps(const ProgramHeader& header, uint8_t* threads, uint8_t* scripts) {
  Dealer dealer(header.steps, uint32_t{header.threads} + header.scripts);
  for (uint32_t i = 0; i < header.threads; ++i) {
    auto thread = Load<ProgramThread>(threads + i * sizeof(ProgramThread));
    dealer.Deal(&thread.first_step, &thread.step_count);
    Store(threads + i * sizeof(ProgramThread), thread);
  }
  for (uint32_t i = 0; i < header.scripts; ++i) {
    auto script = Load<ProgramScript>(scripts + i * sizeof(ProgramScript));
    dealer.Deal(&script.first_step, &script.step_count);
    script.reserved = 0;
    Store(scripts + i * sizeof(ProgramScript), script);
  }
}

constexpr size_t kRecord = sizeof(Observation);

uint8_t* RecordAt(uint8_t* data, size_t index) { return data + sizeof(LogHeader) + index * kRecord; }

}  // namespace

bool IsProgram(const uint8_t* data, size_t size) { return HasMagic(data, size, kProgramMagic); }
bool IsLog(const uint8_t* data, size_t size) { return HasMagic(data, size, kLogMagic); }

size_t RepairProgram(uint8_t* data, size_t size) {
  if (size < sizeof(ProgramHeader) + sizeof(ProgramThread)) return size;
  auto header = Load<ProgramHeader>(data);
  header.magic = kProgramMagic;
  header.version = kFormatVersion;
  header.header_size = sizeof(ProgramHeader);
  header.reserved0 = 0;
  std::fill(std::begin(header.reserved1), std::end(header.reserved1), 0);
  header.manual_setup &= 1;
  header.manual_teardown &= 1;
  header.ipv6 &= 1;
  size_t room = std::min<size_t>(size, kMaxProgramBytes) - sizeof(ProgramHeader);
  header.threads = Fit(std::max<uint16_t>(header.threads, 1), kMaxThreads, sizeof(ProgramThread), &room);
  header.scripts = Fit(header.scripts, kMaxScripts, sizeof(ProgramScript), &room);
  header.steps = Fit(header.steps, kMaxSteps, sizeof(ProgramStep), &room);
  header.choices = Fit(header.choices, kMaxChoices, sizeof(ProgramChoice), &room);
  header.schedule_size = static_cast<uint32_t>(std::min<size_t>(room, kMaxScheduleBytes));
  uint8_t* const threads = data + sizeof(ProgramHeader);
  uint8_t* const scripts = threads + header.threads * sizeof(ProgramThread);
  uint8_t* const steps = scripts + header.scripts * sizeof(ProgramScript);
  DealSteps(header, threads, scripts);
  for (uint32_t i = 0; i < header.steps; ++i) {
    auto step = Load<ProgramStep>(steps + i * sizeof(ProgramStep));
    step.reserved0 = 0;
    step.reserved1 = 0;
    Store(steps + i * sizeof(ProgramStep), step);
  }
  const size_t total = static_cast<size_t>(steps - data) + header.steps * sizeof(ProgramStep) +
                       header.choices * sizeof(ProgramChoice) + header.schedule_size;
  header.total_size = static_cast<uint32_t>(total);
  Store(data, header);
  return total;
}

size_t RepairLog(uint8_t* data, size_t size) {
  if (size < sizeof(LogHeader)) return size;
  auto header = Load<LogHeader>(data);
  const size_t count = (size - sizeof(LogHeader)) / kRecord;
  header.magic = kLogMagic;
  header.version = kFormatVersion;
  header.record_size = kRecord;
  header.count = static_cast<uint32_t>(count);
  header.reserved = 0;
  Store(data, header);
  return sizeof(LogHeader) + count * kRecord;
}

size_t ShuffleLog(uint8_t* data, size_t size, size_t max_size, uint32_t seed) {
  size = RepairLog(data, size);
  if (size < sizeof(LogHeader) + kRecord) return size;
  const uint32_t count = static_cast<uint32_t>((size - sizeof(LogHeader)) / kRecord);
  Random random(seed);
  uint8_t* const one = RecordAt(data, random.Below(count));
  uint8_t* const other = RecordAt(data, random.Below(count));
  uint8_t* const end = data + size;
  uint8_t kept[kRecord];
  std::memcpy(kept, one, kRecord);
  switch (random.Below(4)) {
    case 0:  // doubled, elsewhere
      if (size + kRecord > max_size) break;
      std::memmove(other + kRecord, other, static_cast<size_t>(end - other));
      std::memcpy(other, kept, kRecord);
      size += kRecord;
      break;
    case 1:  // dropped
      std::memmove(one, one + kRecord, static_cast<size_t>(end - one) - kRecord);
      size -= kRecord;
      break;
    case 2:  // exchanged
      std::memcpy(one, other, kRecord);
      std::memcpy(other, kept, kRecord);
      break;
    default:  // moved
      if (one < other) {
        std::memmove(one, one + kRecord, static_cast<size_t>(other - one));
      } else {
        std::memmove(other + kRecord, other, static_cast<size_t>(one - other));
      }
      std::memcpy(other, kept, kRecord);
      break;
  }
  return RepairLog(data, size);
}

}  // namespace wskcert::fuzz
