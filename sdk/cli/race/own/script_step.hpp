// A step that is an SQL script.
#pragma once

#include <pqxx/pqxx>

#include "race/network.hpp"
#include "race/notices.hpp"
#include "race/own/script.hpp"
#include "race/own/step.hpp"

namespace ratchet::cli::own {

// Owns a connection, with the settings that the database and the role have, and a time limit.
class script_step : public step {
 public:
  script_step(const std::string &path, const surroundings &around);

  step_answer run(const std::string &who, const variables &known, std::chrono::steady_clock::time_point start,
                  const std::atomic<bool> &stop) override;
  bool may_fail() const override { return false; }

 private:
  // The script as it runs.
  struct performance {
    const std::string &who;
    variables known;
    std::chrono::steady_clock::time_point start;
    const std::atomic<bool> &stop;
    step_answer answer;

    void add(std::string what, act kind);
  };

  bool attempt(const script_statement &statement, performance &now);
  void perform(const script_statement &statement, performance &now);
  pqxx::result send(const std::string &sql);
  void roll_back() noexcept;
  void expect_no_transaction();

  script script_;
  pqxx::connection connection_;
  notices notices_;
  network network_;
};

// Whether the statement is there to write; calls of ratchet's verbs are. For the timeline only.
bool looks_like_a_write(const std::string &sql);

}  // namespace ratchet::cli::own
