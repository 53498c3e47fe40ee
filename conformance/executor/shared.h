// What several threads of a client touch: fields and counters whose accesses are atomic. Internal to
// conformance/executor.
//
// A client with real threads is watched by ThreadSanitizer, which takes every ordered access for
// synchronisation. Counters that everybody counts up would so order everything with everything, and no race
// of the provider between two calls would show. Under ThreadSanitizer they are therefore relaxed; everywhere
// else they are full fences.
#ifndef WSKCERT_CONFORMANCE_EXECUTOR_SHARED_H_
#define WSKCERT_CONFORMANCE_EXECUTOR_SHARED_H_

#include <wdm.h>

namespace wskcert {

#if defined(__SANITIZE_THREAD__)
inline constexpr int kCounterOrder = __ATOMIC_RELAXED;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr int kCounterOrder = __ATOMIC_RELAXED;
#else
inline constexpr int kCounterOrder = __ATOMIC_SEQ_CST;
#endif
#else
inline constexpr int kCounterOrder = __ATOMIC_SEQ_CST;
#endif

// Adds and returns what it was before.
template <typename T>
inline T CountBy(volatile T* counter, T amount) {
  return __atomic_fetch_add(counter, amount, kCounterOrder);
}
inline LONG CountUp(volatile LONG* counter) { return CountBy<LONG>(counter, 1); }
inline LONG CountDown(volatile LONG* counter) { return CountBy<LONG>(counter, -1); }
inline LONG CountOf(const volatile LONG* counter) { return __atomic_load_n(counter, kCounterOrder); }

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
