#include "conformance/saboteurs/saboteurs.h"

#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "conformance/rules/catalogue.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace wskcert {
namespace {

using ::testing::IsEmpty;

std::vector<SaboteurInfo> All() {
  size_t count = 0;
  const SaboteurInfo* first = Saboteurs(&count);
  return std::vector<SaboteurInfo>(first, first + count);
}

TEST(TableTest, StartsWithTheHonestInterposer) {
  const std::vector<SaboteurInfo> all = All();
  ASSERT_FALSE(all.empty());
  EXPECT_STREQ(all[0].name, "none");
  EXPECT_STREQ(all[0].rule, "");
  for (size_t i = 1; i < all.size(); ++i) EXPECT_STRNE(all[i].rule, "") << all[i].name;
}

TEST(TableTest, NamesAreUniqueAndKebabCase) {
  std::set<std::string> names;
  for (const SaboteurInfo& saboteur : All()) {
    EXPECT_TRUE(names.insert(saboteur.name).second) << saboteur.name;
    for (const char* c = saboteur.name; *c != '\0'; ++c) {
      EXPECT_TRUE(std::islower(static_cast<unsigned char>(*c)) || *c == '-') << saboteur.name;
    }
  }
}

TEST(TableTest, SaysInOneSentenceWhatItDoesAndWhere) {
  for (const SaboteurInfo& saboteur : All()) {
    const std::string what = saboteur.what;
    ASSERT_FALSE(what.empty()) << saboteur.name;
    EXPECT_TRUE(std::isupper(static_cast<unsigned char>(what[0]))) << what;
    EXPECT_EQ(what.find('.'), what.size() - 1) << what;
    EXPECT_THAT(saboteur.where, ::testing::AnyOf(::testing::StrEq("npi"), ::testing::StrEq("runtime"),
                                                 ::testing::StrEq("transport"), ::testing::StrEq("exports")));
  }
}

TEST(TableTest, IsFoundByName) {
  size_t count = 0;
  const SaboteurInfo* first = Saboteurs(&count);
  for (size_t i = 0; i < count; ++i) EXPECT_EQ(FindSaboteur(first[i].name), &first[i]);
  EXPECT_EQ(FindSaboteur(""), nullptr);
  EXPECT_EQ(FindSaboteur("disable"), nullptr);
  EXPECT_EQ(FindSaboteur("no-such-saboteur"), nullptr);
}

TEST(TableTest, EachBreaksARuleOfProvidersThatTheModelKnows) {
  for (const SaboteurInfo& saboteur : All()) {
    if (saboteur.rule[0] == '\0') continue;
    const auto id = catalogue::Find(saboteur.rule);
    ASSERT_TRUE(id.has_value()) << saboteur.name << " breaks " << saboteur.rule;
    EXPECT_EQ(catalogue::Get(*id).party(), PARTY_PROVIDER) << saboteur.rule;
    EXPECT_TRUE(catalogue::Get(*id).modelled()) << saboteur.rule;
  }
}

bool InterposerCanBreak(const Rule& rule) {
  for (int bite : rule.bite()) {
    if (bite == BITE_NPI || bite == BITE_EXPORTS || bite == BITE_TRANSPORT || bite == BITE_RUNTIME)
      return true;
  }
  return false;
}

TEST(TableTest, EachRequiredRuleThatAnInterposerCanBreakHasASaboteur) {
  std::set<std::string> broken;
  for (const SaboteurInfo& saboteur : All()) broken.insert(saboteur.rule);
  std::vector<std::string> missing;
  for (const Rule& rule : catalogue::All().rules()) {
    if (rule.party() == PARTY_PROVIDER && rule.required() && InterposerCanBreak(rule) &&
        broken.count(rule.name()) == 0) {
      missing.push_back(rule.name());
    }
  }
  EXPECT_THAT(missing, IsEmpty());
}

}  // namespace
}  // namespace wskcert
