// A fresh database with the extension and some guarded tables for every test, on one throwaway server for all of them.
#pragma once

#include <gtest/gtest.h>

#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>
#include <string>

#include "throwaway_server.hpp"

namespace ratchet::test {

// The server of this test program; it runs while tests do.
support::throwaway_server &server();

class server_test : public ::testing::Test {
 protected:
  void SetUp() override;

  // Runs SQL in a transaction of its own.
  pqxx::result sql(const std::string &text);

  // The only column of the only row, as text; "NULL" for NULL.
  std::string ask(const std::string &text);

  // Runs something in a transaction of its own and commits.
  template <typename Call>
  auto run(const Call &call) {
    pqxx::connection connection{dsn_};
    pqxx::work tx{connection};
    auto result = call.run(tx);
    tx.commit();
    return result;
  }

  std::string dsn_;
};

// The same with runs that count their results: run 1 of 4 questions, run 2 of 2, run 3 of unknown length.
class tally_test : public server_test {
 protected:
  void SetUp() override;

  // A result, as a batch takes it.
  static nlohmann::json result(int run, int question, bool correct = true) {
    return {{"run_id", run}, {"question_id", question}, {"is_correct", correct}};
  }
};

// The same with thirty queued jobs that go forward, and a history of all of their versions.
class job_test : public server_test {
 protected:
  void SetUp() override;
};

inline constexpr const char *request_a = "0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10";
inline constexpr const char *request_b = "5a0b8a52-3a0e-4a2f-8a53-1c7c7a4f2b11";

}  // namespace ratchet::test
