// All saboteurs in one table.
#include "conformance/saboteurs/interposer.h"

namespace wskcert {
namespace {

using saboteurs::Saboteur;
using saboteurs::Topic;

constexpr size_t kCapacity = 512;
const Saboteur kNone = {.info = {"none", "",
                                 "The interposer alone: whatever the provider does is seen unchanged.", "npi",
                                 false}};
const Topic* const kTopics[] = {
    &saboteurs::kAcceptTopic,      &saboteurs::kInspectTopic,      &saboteurs::kStaticTopic,
    &saboteurs::kCategoryTopic,    &saboteurs::kInheritTopic,      &saboteurs::kListenTopic,
    &saboteurs::kDatagramTopic,    &saboteurs::kDatagramNodeTopic, &saboteurs::kReceiveRequestTopic,
    &saboteurs::kSilentTopic,      &saboteurs::kExtensionTopic,    &saboteurs::kDisableOthersTopic,
    &saboteurs::kEnableTopic,      &saboteurs::kDisableTopic,      &saboteurs::kInProgressTopic,
    &saboteurs::kReceiveTopic,     &saboteurs::kDisconnectTopic,   &saboteurs::kCloseTopic,
    &saboteurs::kIrpTopic,         &saboteurs::kCallbackTopic,     &saboteurs::kRunTopic,
    &saboteurs::kRegistrationTopic};

struct Table {
  SaboteurInfo infos[kCapacity];
  const Saboteur* saboteurs[kCapacity];
  size_t count;
};
Table table;
volatile LONG table_state;  // 0: empty, 1: being filled, 2: complete

void Add(const Saboteur& saboteur) {
  if (table.count == kCapacity) __builtin_trap();
  table.infos[table.count] = saboteur.info;
  table.saboteurs[table.count] = &saboteur;
  ++table.count;
}

const Table& Filled() {
  if (InterlockedCompareExchange(&table_state, 1, 0) == 0) {
    Add(kNone);
    for (const Topic* topic : kTopics) {
      for (ULONG i = 0; i < topic->count; ++i) Add(topic->saboteurs[i]);
    }
    InterlockedExchange(&table_state, 2);
  }
  while (InterlockedCompareExchange(&table_state, 2, 2) != 2) {
  }
  return table;
}

bool Equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) ++a, ++b;
  return *a == *b;
}

}  // namespace

const SaboteurInfo* Saboteurs(size_t* count) {
  const Table& all = Filled();
  *count = all.count;
  return all.infos;
}

const SaboteurInfo* FindSaboteur(const char* name) {
  const Table& all = Filled();
  for (size_t i = 0; i < all.count; ++i) {
    if (Equal(all.infos[i].name, name)) return &all.infos[i];
  }
  return nullptr;
}

const void* Sabotage(const void* exports, void* context) {
  const Table& all = Filled();
  const size_t index = static_cast<size_t>(static_cast<const SaboteurInfo*>(context) - all.infos);
  return saboteurs::Interpose(static_cast<const WSK_EXPORTS*>(exports), all.saboteurs[index]);
}

}  // namespace wskcert
