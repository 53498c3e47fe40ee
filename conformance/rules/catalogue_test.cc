#include "conformance/rules/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdio>
#include <map>
#include <set>
#include <string>

namespace wskcert {
namespace {

bool WellFormedName(const std::string& name) {
  bool start = true;
  for (char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (start && !letter) return false;
    if (!letter && c != '.' && c != '-') return false;
    start = !letter;
  }
  return !start && name.find('.') != std::string::npos;
}

bool WellFormedStatement(const std::string& id) {
  return id.size() == 4 && id[0] == 'N' && std::isdigit(static_cast<unsigned char>(id[1])) &&
         std::isdigit(static_cast<unsigned char>(id[2])) && std::isdigit(static_cast<unsigned char>(id[3]));
}

TEST(CatalogueTest, NamesAreUniqueAndWellFormed) {
  std::set<std::string> names;
  for (const Rule& rule : catalogue::All().rules()) {
    EXPECT_TRUE(WellFormedName(rule.name())) << rule.name();
    EXPECT_TRUE(names.insert(rule.name()).second) << rule.name();
  }
  EXPECT_EQ(names.size(), kRuleCount);
}

TEST(CatalogueTest, EnumerationAndDataAgree) {
  for (size_t i = 0; i < kRuleCount; ++i) {
    const auto id = static_cast<RuleId>(i);
    EXPECT_EQ(catalogue::Get(id).name(), InfoOf(id).name);
    EXPECT_EQ(catalogue::Find(InfoOf(id).name), id);
    EXPECT_EQ(catalogue::Required().Has(id), catalogue::Get(id).required());
  }
  EXPECT_EQ(catalogue::Find("no.such-rule"), std::nullopt);
}

TEST(CatalogueTest, EveryRuleSaysWhoMustDoWhatAndWhereThatStands) {
  for (const Rule& rule : catalogue::All().rules()) {
    SCOPED_TRACE(rule.name());
    EXPECT_NE(rule.party(), PARTY_UNSPECIFIED);
    EXPECT_NE(rule.strength(), STRENGTH_UNSPECIFIED);
    EXPECT_FALSE(rule.topic().empty());
    ASSERT_FALSE(rule.statement().empty());
    EXPECT_EQ(rule.statement().back(), '.');
    if (rule.strength() != STRENGTH_AXIOM) {
      EXPECT_GT(rule.sources_size(), 0);
    }
    for (const Source& source : rule.sources()) {
      EXPECT_TRUE(source.page().ends_with(".md")) << source.page();
      EXPECT_FALSE(source.section().empty());
    }
    for (const std::string& statement : rule.statements())
      EXPECT_TRUE(WellFormedStatement(statement)) << statement;
  }
}

TEST(CatalogueTest, EveryJudgedProviderRuleSaysHowItIsBroken) {
  for (const Rule& rule : catalogue::All().rules()) {
    SCOPED_TRACE(rule.name());
    if (rule.party() == PARTY_PROVIDER && rule.modelled()) {
      EXPECT_GT(rule.bite_size(), 0);
    }
    if (rule.required()) {
      EXPECT_EQ(rule.party(), PARTY_PROVIDER);
      EXPECT_TRUE(rule.modelled());
      EXPECT_EQ(rule.profile(), RULE_PROFILE_DOCUMENTED);
      EXPECT_EQ(rule.strength(), STRENGTH_MUST);
    }
    if (!rule.modelled()) {
      EXPECT_FALSE(rule.not_observable_reason().empty());
    }
    if (rule.party() == PARTY_PROVIDER) {
      EXPECT_EQ(rule.poison(), POISON_NONE);
    }
  }
}

TEST(CatalogueTest, GeneralRulesExistAndBindTheSameParty) {
  for (const Rule& rule : catalogue::All().rules()) {
    for (const std::string& general : rule.refines()) {
      const auto id = catalogue::Find(general);
      ASSERT_TRUE(id.has_value()) << rule.name() << " refines " << general;
      EXPECT_EQ(catalogue::Get(*id).party(), rule.party());
      EXPECT_NE(general, rule.name());
    }
  }
}

TEST(CatalogueTest, CapabilityNamesAreKnown) {
  for (size_t i = 0; i < kRuleCount; ++i) {
    const auto id = static_cast<RuleId>(i);
    const uint64_t bits = catalogue::CapabilitiesOf(id);
    EXPECT_EQ(__builtin_popcountll(bits), catalogue::Get(id).capabilities_size()) << InfoOf(id).name;
  }
}

// Topics enable, disable and in-progress are the statements N001 to N082: each is a rule, or an omission with
// a reason.
TEST(CatalogueTest, EveryStatementOfTheCoveredTopicsIsAccountedFor) {
  std::map<std::string, int> seen;
  for (const Rule& rule : catalogue::All().rules()) {
    for (const std::string& statement : rule.statements()) seen[statement] |= 1;
  }
  for (const Omission& omission : catalogue::All().omissions()) {
    EXPECT_TRUE(WellFormedStatement(omission.statement())) << omission.statement();
    EXPECT_NE(omission.reason(), Omission::REASON_UNSPECIFIED) << omission.statement();
    EXPECT_FALSE(omission.note().empty()) << omission.statement();
    EXPECT_EQ(seen[omission.statement()], 0) << omission.statement() << " is a rule and omitted";
    seen[omission.statement()] |= 2;
  }
  for (int i = 1; i <= 82; ++i) {
    char id[8];
    std::snprintf(id, sizeof(id), "N%03d", i);
    EXPECT_NE(seen[id], 0) << id;
  }
}

}  // namespace
}  // namespace wskcert
