// Schedules at random that can be had again: the same seed and case, the same bytes, on every machine.
#ifndef WSKCERT_CONFORMANCE_CERTIFY_SCHEDULE_SEED_H_
#define WSKCERT_CONFORMANCE_CERTIFY_SCHEDULE_SEED_H_

#include <cstdint>
#include <string>

#include "proto/sequence.pb.h"

namespace wskcert {

// Replaces the bytes of the schedule; choices that are fixed by name stay. `name` is the case's, so that each
// case has a schedule of its own. Some schedules are nearly calm, others are not.
void SeedSchedule(uint64_t seed, const std::string& name, Sequence* sequence);

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_CERTIFY_SCHEDULE_SEED_H_
