// The table of outcomes in docs/reference/outcomes.md has those that the extension says that it returns.
#include <sstream>

#include "documented.hpp"
#include "server_test.hpp"

namespace ratchet::test {
namespace {

class documented_test : public server_test {
 protected:
  // The outcomes that the comment of a result type names: single words of its first list, "submitted, replayed (...) or
  // not_found.", without what is in brackets.
  std::set<std::string> named_by(const std::string &type) {
    const auto comment = ask("SELECT obj_description('ratchet." + type + "'::regtype, 'pg_type')");
    const auto from = comment.find("outcome: ");
    EXPECT_NE(from, std::string::npos) << comment;
    auto list = std::regex_replace(comment.substr(from + 9), std::regex{"\\([^()]*\\)"}, "");
    list = std::regex_replace(list.substr(0, list.find('.')), std::regex{" or |: "}, ",");
    std::set<std::string> found;
    std::istringstream parts{list};
    for (std::string part; std::getline(parts, part, ',');) {
      const auto word = std::regex_replace(part, std::regex{"^ +| +$"}, "");
      if (word.find(' ') == std::string::npos && word != "and" && !word.empty()) found.insert(word);
    }
    return found;
  }
};

TEST_F(documented_test, outcomes_are_those_of_the_server) {
  const std::map<std::string, std::string> types{{"submit()", "submit_result"},      {"update()", "update_result"},
                                                 {"advance()", "advance_result"},    {"beat()", "beat_result"},
                                                 {"submit_batch()", "batch_result"}, {"progress()", "progress_result"},
                                                 {"amend()", "amend_result"}};
  for (const auto &[call, type] : types) {
    auto named = named_by(type);
    for (const auto &outcome : documented_outcomes()) {
      if (outcome.calls.count(call) == 0) continue;
      EXPECT_TRUE(named.erase(outcome.text) == 1 || outcome.reserved)
          << "the comment of ratchet." << type << " does not name " << outcome.text;
    }
    EXPECT_TRUE(named.empty()) << "ratchet." << type << ": " << *named.begin()
                               << " is not in docs/reference/outcomes.md";
  }
}

}  // namespace
}  // namespace ratchet::test
