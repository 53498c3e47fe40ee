// What ZwClose needs of the registry.
#ifndef WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_REGISTRY_KEY_H_
#define WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_REGISTRY_KEY_H_

namespace wskcert::emulator {

// Closes the handle if it is a key's; false: it is not.
bool CloseRegistryKey(void* handle);

}  // namespace wskcert::emulator

#endif  // WSKCERT_IMPLEMENTATIONS_EMULATOR_KERNEL_REGISTRY_KEY_H_
