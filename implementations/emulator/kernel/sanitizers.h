// Which sanitizer this is built for: WSKCERT_ASAN, WSKCERT_TSAN or neither.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_SANITIZERS_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_SANITIZERS_H_

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WSKCERT_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define WSKCERT_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(WSKCERT_ASAN)
#define WSKCERT_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__) && !defined(WSKCERT_TSAN)
#define WSKCERT_TSAN 1
#endif

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_SANITIZERS_H_
