#include "conformance/rules/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

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

// A line of statements.txt, see there.
struct Statement {
  std::string party, strength, topic, reading;
};

std::map<std::string, Statement> ReadStatements() {
  std::map<std::string, Statement> statements;
  std::ifstream in("conformance/rules/catalogue/statements.txt");
  std::string line;
  while (std::getline(in, line)) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string id;
    Statement statement;
    words >> id >> statement.party >> statement.strength >> statement.topic >> statement.reading;
    EXPECT_TRUE(words && WellFormedStatement(id)) << line;
    EXPECT_TRUE(statements.emplace(id, statement).second) << line;
  }
  return statements;
}

std::map<std::string, std::vector<const Rule*>> RulesByStatement() {
  std::map<std::string, std::vector<const Rule*>> rules;
  for (const Rule& rule : catalogue::All().rules()) {
    for (const std::string& statement : rule.statements()) rules[statement].push_back(&rule);
  }
  return rules;
}

TEST(CatalogueTest, EveryStatementIsARuleOrAnOmission) {
  const auto statements = ReadStatements();
  EXPECT_EQ(statements.size(), 559u);
  auto rules = RulesByStatement();
  std::set<std::string> omitted;
  for (const Omission& omission : catalogue::All().omissions()) {
    SCOPED_TRACE(omission.statement());
    EXPECT_NE(omission.reason(), Omission::REASON_UNSPECIFIED);
    EXPECT_FALSE(omission.note().empty());
    EXPECT_EQ(rules.count(omission.statement()), 0u) << "is a rule and omitted";
    EXPECT_TRUE(omitted.insert(omission.statement()).second) << "is omitted twice";
    EXPECT_EQ(statements.count(omission.statement()), 1u);
  }
  for (const auto& [id, statement] : statements) {
    EXPECT_TRUE(rules.count(id) == 1 || omitted.count(id) == 1) << id << " is neither a rule nor omitted";
    // An obligation of the provider is a rule, whether or not it can be seen.
    if (statement.party == "provider" && statement.strength == "must") {
      EXPECT_EQ(omitted.count(id), 0u) << id;
    }
  }
  for (const auto& [id, covering] : rules) {
    EXPECT_EQ(statements.count(id), 1u) << id << " in " << covering[0]->name();
  }
}

TEST(CatalogueTest, NoRuleIsStrongerThanItsStatements) {
  const auto statements = ReadStatements();
  for (const auto& [id, covering] : RulesByStatement()) {
    const Statement& statement = statements.at(id);
    for (const Rule* rule : covering) {
      SCOPED_TRACE(id + " in " + rule->name());
      const bool documented = rule->profile() == RULE_PROFILE_DOCUMENTED;
      if (statement.reading == "inferred" && documented) {
        EXPECT_NE(rule->strength(), STRENGTH_MUST);
      }
      // What the pages leave open becomes an obligation by observation only, or as part of a rule that is one
      // for its other statements.
      if (statement.strength == "open" && documented && rule->statements_size() == 1) {
        EXPECT_NE(rule->strength(), STRENGTH_MUST);
      }
      if (statement.strength == "must" && statement.reading != "inferred") {
        EXPECT_NE(rule->strength(), STRENGTH_MAY);
      }
    }
    // Of an obligation's rules one binds the party that the page names; a sentence may oblige the other too.
    if (statement.strength == "must") {
      EXPECT_TRUE(std::any_of(covering.begin(), covering.end(), [&](const Rule* rule) {
        return (rule->party() == PARTY_PROVIDER) == (statement.party == "provider");
      })) << id;
    }
  }
}

TEST(CatalogueTest, StandingSaysWhatCanBecomeOfARule) {
  for (const Rule& rule : catalogue::All().rules()) {
    SCOPED_TRACE(rule.name());
    const catalogue::Standing standing = catalogue::StandingOf(rule);
    EXPECT_STRNE(catalogue::StandingName(standing), "");
    EXPECT_EQ(standing == catalogue::Standing::kJudged, rule.modelled());
    EXPECT_EQ(standing == catalogue::Standing::kPermission, rule.strength() == STRENGTH_MAY);
    EXPECT_EQ(standing == catalogue::Standing::kOpen, rule.strength() == STRENGTH_OPEN);
    if (standing == catalogue::Standing::kJudged) {
      EXPECT_TRUE(rule.not_observable_reason().empty());
    }
    if (rule.party() == PARTY_PROVIDER && standing == catalogue::Standing::kNotModelled) {
      EXPECT_GT(rule.bite_size(), 0) << "how will it be broken?";
    }
  }
}

TEST(CatalogueTest, ModelledRulesComeFirst) {
  for (size_t i = 0; i < kRuleCount; ++i) {
    const auto id = static_cast<RuleId>(i);
    EXPECT_EQ(InfoOf(id).modelled, i < kModelledRuleCount) << InfoOf(id).name;
    EXPECT_EQ(InfoOf(id).modelled, catalogue::Get(id).modelled()) << InfoOf(id).name;
  }
}

}  // namespace
}  // namespace wskcert
