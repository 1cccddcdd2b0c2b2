#include <functional>

#include "server_test.hpp"

namespace ratchet::test {
namespace {

// The error that the call throws; an error of kind `other` with the message "nothing" if it throws none.
error caught(const std::function<void()> &call) {
  try {
    call();
  } catch (const error &e) {
    return e;
  }
  return {error_kind::other, "nothing"};
}

class error_test : public server_test {};

TEST_F(error_test, bad_arguments_are_refused_with_class_22_and_change_nothing) {
  const auto before = ask("SELECT string_agg(s::text, '' ORDER BY id) FROM scorecards s");
  for (const auto &call : std::vector<submission>{
           submission("scorecards", 1).set("no_such_column", 1), submission("scorecards", 1).set("score", "much"),
           submission("scorecards", 1).actor("nobody"), submission("scorecards", "one"),
           submission("scorecards", 1).idempotency_key("no uuid"),
           submission("scorecards", 1).expect("no_such_column", 1)}) {
    const auto e = caught([&] { (void)run(call); });
    EXPECT_EQ(e.sqlstate().substr(0, 2), "22") << e.what();
    EXPECT_EQ(e.kind(), error_kind::argument);
    EXPECT_EQ(http_status(e), 400);
    EXPECT_FALSE(e.retryable());
  }
  EXPECT_EQ(ask("SELECT string_agg(s::text, '' ORDER BY id) FROM scorecards s"), before);
}

TEST_F(error_test, original_is_nested) {
  try {
    (void)run(submission("scorecards", 1).set("no_such_column", 1));
    FAIL();
  } catch (const error &e) {
    EXPECT_THROW(std::rethrow_if_nested(e), pqxx::sql_error);
  }
}

TEST_F(error_test, table_without_a_contract_is_an_operators_fault) {
  for (const auto &call : {std::function<void()>{[&] { (void)run(submission("plain", 1)); }},
                           {[&] { (void)run(change("plain", 1).set("comment", "x")); }}}) {
    const auto e = caught(call);
    EXPECT_EQ(e.sqlstate(), "42R01") << e.what();
    EXPECT_EQ(e.kind(), error_kind::contract);
    EXPECT_EQ(http_status(e), 500);
  }
}

TEST_F(error_test, mode_reject_is_a_constraint_violation) {
  const nlohmann::json key{{"project_id", 1}, {"evaluator_id", 7}};
  ASSERT_TRUE(run(submission("\"Other\".\"Défense\"", key).actor("anna")));
  const auto e = caught([&] { (void)run(change("\"Other\".\"Défense\"", key).set("submitted", false)); });
  EXPECT_EQ(e.sqlstate(), "23R01") << e.what();
  EXPECT_EQ(e.kind(), error_kind::constraint);
  EXPECT_EQ(http_status(e), 409);
}

TEST_F(error_test, place_is_told_on_a_verbose_connection) {
  ASSERT_TRUE(run(submission("\"Other\".\"Défense\"", nlohmann::json{{"project_id", 1}, {"evaluator_id", 7}})));
  pqxx::connection connection{dsn_};
#if PQXX_VERSION_MAJOR < 7
  connection.set_verbosity(pqxx::connection::verbose);
#else
  connection.set_verbosity(pqxx::error_verbosity::verbose);
#endif
  pqxx::work tx{connection};
  const auto e = caught([&] {
    (void)change("\"Other\".\"Défense\"", nlohmann::json{{"project_id", 1}, {"evaluator_id", 7}})
        .set("submitted", false)
        .run(tx);
  });
  EXPECT_EQ(e.sqlstate(), "23R01");
  EXPECT_EQ(e.table(), "Défense");
  EXPECT_EQ(e.column(), "submitted");
}

TEST_F(error_test, missing_privilege_is_403) {
  sql("CREATE ROLE stranger");
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec("SET ROLE stranger");
  const auto e = caught([&] { (void)submission("public.scorecards", 1).actor(7).run(tx); });
  EXPECT_EQ(e.sqlstate(), "42501") << e.what();
  EXPECT_EQ(e.kind(), error_kind::privilege);
  EXPECT_EQ(http_status(e), 403);
  tx.abort();
  sql("DROP ROLE stranger");
}

TEST_F(error_test, changed_row_under_repeatable_read_is_retryable) {
  pqxx::connection connection{dsn_};
  pqxx::transaction<pqxx::repeatable_read> tx{connection};
  tx.exec("SELECT FROM scorecards LIMIT 1");  // takes the snapshot
  ASSERT_TRUE(run(submission("scorecards", 1).actor(7)));
  const auto e = caught([&] { (void)submission("scorecards", 1).actor(8).run(tx); });
  EXPECT_EQ(e.sqlstate(), "40001") << e.what();
  EXPECT_EQ(e.kind(), error_kind::contention);
  EXPECT_TRUE(e.retryable());
  EXPECT_EQ(http_status(e), 503);
}

TEST_F(error_test, lost_connection_is_503) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  sql("SELECT pg_terminate_backend(" + std::to_string(connection.backendpid()) + ", 10000)");
  const auto e = caught([&] { (void)submission("scorecards", 1).actor(7).run(tx); });
  EXPECT_EQ(e.kind(), error_kind::connection) << e.what();
  EXPECT_FALSE(e.retryable());
  EXPECT_EQ(http_status(e), 503);
}

TEST_F(error_test, commit_is_translated_too) {
  sql("ALTER TABLE plain ADD parent bigint REFERENCES plain DEFERRABLE INITIALLY DEFERRED");
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec("UPDATE plain SET parent = 4711");
  const auto e = caught([&] {
    try {
      tx.commit();
    } catch (...) {
      rethrow_as_error();
    }
  });
  EXPECT_EQ(e.sqlstate(), "23503");
  EXPECT_EQ(e.kind(), error_kind::constraint);
}

}  // namespace
}  // namespace ratchet::test
