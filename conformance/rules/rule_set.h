// A set of rules as a fixed bitset: no allocation, no library, cheap enough to be kept for every trace. It
// holds any rule; those that the judge handles have the first words.
#ifndef WSKCERT_CONFORMANCE_RULES_RULE_SET_H_
#define WSKCERT_CONFORMANCE_RULES_RULE_SET_H_

#include <cstddef>
#include <cstdint>

#include "conformance/rules/rules_gen.h"

namespace wskcert {

class RuleSet {
 public:
  constexpr RuleSet() = default;

  constexpr void Add(RuleId rule) { words_[Word(rule)] |= Bit(rule); }
  constexpr void Remove(RuleId rule) { words_[Word(rule)] &= ~Bit(rule); }
  constexpr bool Has(RuleId rule) const { return (words_[Word(rule)] & Bit(rule)) != 0; }
  constexpr void Clear() {
    for (uint64_t& word : words_) word = 0;
  }
  constexpr bool empty() const {
    for (uint64_t word : words_) {
      if (word != 0) return false;
    }
    return true;
  }
  constexpr size_t size() const {
    size_t count = 0;
    for (uint64_t word : words_) count += static_cast<size_t>(__builtin_popcountll(word));
    return count;
  }
  constexpr RuleSet& operator|=(const RuleSet& other) {
    for (size_t i = 0; i < kWords; ++i) words_[i] |= other.words_[i];
    return *this;
  }
  constexpr bool operator==(const RuleSet& other) const = default;

  // Calls visit(RuleId) for each member in the order of the catalogue.
  template <typename Visitor>
  constexpr void ForEach(Visitor visit) const {
    for (size_t i = 0; i < kWords; ++i) {
      for (uint64_t word = words_[i]; word != 0; word &= word - 1) {
        visit(static_cast<RuleId>(i * 64 + static_cast<size_t>(__builtin_ctzll(word))));
      }
    }
  }

 private:
  static constexpr size_t kWords = (kRuleCount + 63) / 64;
  static constexpr size_t Word(RuleId rule) { return static_cast<size_t>(rule) / 64; }
  static constexpr uint64_t Bit(RuleId rule) { return uint64_t{1} << (static_cast<size_t>(rule) % 64); }

  uint64_t words_[kWords] = {};
};

}  // namespace wskcert

#endif  // WSKCERT_CONFORMANCE_RULES_RULE_SET_H_
