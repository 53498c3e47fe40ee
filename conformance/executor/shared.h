// What several threads of a client touch: fields and counters whose accesses are atomic. Internal to
// conformance/executor.
//
// ThreadSanitizer takes every ordered access for synchronisation. Counters that everybody counts up would so
// order everything with everything, and no race of the provider between two calls would show. Under
// ThreadSanitizer counting up orders nothing, and counting down only what comes after a look at the counter;
// everywhere else both are full fences.
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_SHARED_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_SHARED_H_

#include <wdm.h>

namespace wskcert {

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WSKCERT_LOOSE_COUNTERS 1
#endif
#endif
#if defined(WSKCERT_LOOSE_COUNTERS) || defined(__SANITIZE_THREAD__)
inline constexpr int kUpOrder = __ATOMIC_RELAXED;
inline constexpr int kDownOrder = __ATOMIC_RELEASE;
inline constexpr int kLookOrder = __ATOMIC_ACQUIRE;
#else
inline constexpr int kUpOrder = __ATOMIC_SEQ_CST;
inline constexpr int kDownOrder = __ATOMIC_SEQ_CST;
inline constexpr int kLookOrder = __ATOMIC_SEQ_CST;
#endif

// All return what it was before.
template <typename T>
inline T CountBy(volatile T* counter, T amount) {
  return __atomic_fetch_add(counter, amount, kUpOrder);
}
inline LONG CountUp(volatile LONG* counter) { return CountBy<LONG>(counter, 1); }
inline LONG CountDown(volatile LONG* counter) { return __atomic_fetch_sub(counter, 1, kDownOrder); }
inline LONG CountOf(const volatile LONG* counter) { return __atomic_load_n(counter, kLookOrder); }

// A field that threads read and write as they come: each access sees some value that was written, and orders
// nothing. For hints, and for what a program's author keeps apart.
template <typename T>
class Loose {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for the plain type.
  operator T() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
  // NOLINTNEXTLINE(misc-unconventional-assign-operator): as above.
  T operator=(T value) {
    __atomic_store_n(&value_, value, __ATOMIC_RELAXED);
    return value;
  }
  T operator->() const requires requires(T pointer) { *pointer; }
  { return *this; }
  volatile T* address() { return &value_; }

 private:
  T value_;
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_EXECUTOR_SHARED_H_
