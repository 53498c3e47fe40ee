// Programs and stored logs as fuzzers mutate them: blocks of fixed-size records behind a header that counts
// them. An engine that knows bytes only would nearly always break the counts and get no further than the
// first check; so after its mutation the header is made to fit again.
#ifndef WSKCERT_FUZZ_RECORDS_H_
#define WSKCERT_FUZZ_RECORDS_H_

#include <cstddef>
#include <cstdint>

namespace wskcert::fuzz {

// Makes the header of a program (format.h) fit its size: magic number, version, reserved fields, counts that
// add up, and steps dealt out to threads and scripts in order. What the steps say is left alone. Returns the
// new size, at most `size`; what is too small to be a program is left as it is.
size_t RepairProgram(uint8_t* data, size_t size);

// The same for a stored log: whole records, counted.
size_t RepairLog(uint8_t* data, size_t size);

// Doubles, drops, exchanges or moves records of a stored log, whose header fits afterwards. Returns the new
// size, at most max_size.
size_t ShuffleLog(uint8_t* data, size_t size, size_t max_size, uint32_t seed);

// Whether the bytes begin as a program, or as a stored log.
bool IsProgram(const uint8_t* data, size_t size);
bool IsLog(const uint8_t* data, size_t size);

}  // namespace wskcert::fuzz

#endif  // WSKCERT_FUZZ_RECORDS_H_
