#include <gtest/gtest.h>

#include <pqxx/pqxx>
#include <ratchet/error.hpp>
#include <string>

namespace {

using ratchet::error;
using ratchet::error_kind;

// What becomes of an exception of libpqxx.
template <typename Exception>
error translated(const Exception &thrown) {
  try {
    try {
      throw thrown;
    } catch (...) {
      ratchet::rethrow_as_error();
    }
  } catch (const error &e) {
    EXPECT_THROW(std::rethrow_if_nested(e), Exception);
    return e;
  }
}

error with_state(const char *sqlstate) { return translated(pqxx::sql_error("message", "SELECT 1", sqlstate)); }

TEST(error, sqlstates_have_kind_status_and_retry) {
  struct expected {
    const char *sqlstate;
    error_kind kind;
    int status;
  };
  for (const auto &c : {expected{"22023", error_kind::argument, 400},
                        {"22P02", error_kind::argument, 400},
                        {"23505", error_kind::constraint, 409},
                        {"23R01", error_kind::constraint, 409},
                        {"23R02", error_kind::constraint, 409},
                        {"23R03", error_kind::constraint, 409},
                        {"23R04", error_kind::stale, 412},
                        {"42501", error_kind::privilege, 403},
                        {"42R01", error_kind::contract, 500},
                        {"55P03", error_kind::other, 500},
                        {"55006", error_kind::other, 500},
                        {"57P01", error_kind::connection, 503},
                        {"42883", error_kind::other, 500},
                        {"", error_kind::other, 500}}) {
    const error e = with_state(c.sqlstate);
    EXPECT_EQ(e.sqlstate(), c.sqlstate);
    EXPECT_EQ(e.kind(), c.kind) << c.sqlstate;
    EXPECT_EQ(ratchet::http_status(e), c.status) << c.sqlstate;
    EXPECT_FALSE(e.retryable()) << c.sqlstate;
    EXPECT_STREQ(e.what(), "message");
  }
}

#if PQXX_VERSION_MAJOR < 7
TEST(error, missing_privilege_has_its_sqlstate_although_libpqxx_drops_it) {
  const error e = translated(pqxx::insufficient_privilege("permission denied"));
  EXPECT_EQ(e.kind(), error_kind::privilege);
  EXPECT_EQ(e.sqlstate(), "42501");
}

TEST(error, contention_is_retryable_although_it_is_no_sql_error) {
  const error serialization = translated(pqxx::serialization_failure("could not serialize"));
  EXPECT_EQ(serialization.kind(), error_kind::contention);
  EXPECT_EQ(serialization.sqlstate(), "40001");
  EXPECT_TRUE(serialization.retryable());
  EXPECT_EQ(ratchet::http_status(serialization), 503);

  const error deadlock = translated(pqxx::deadlock_detected("deadlock detected"));
  EXPECT_EQ(deadlock.sqlstate(), "40P01");
  EXPECT_TRUE(deadlock.retryable());
  EXPECT_EQ(ratchet::http_status(deadlock), 503);

  EXPECT_FALSE(translated(pqxx::statement_completion_unknown("?")).retryable());
}
#endif

TEST(error, lost_connections_are_503_but_not_retryable) {
  EXPECT_EQ(translated(pqxx::broken_connection("gone")).kind(), error_kind::connection);
  EXPECT_EQ(translated(pqxx::in_doubt_error("committed?")).kind(), error_kind::in_doubt);
  EXPECT_FALSE(translated(pqxx::in_doubt_error("committed?")).retryable());
  EXPECT_EQ(ratchet::http_status(translated(pqxx::in_doubt_error("committed?"))), 503);
  EXPECT_EQ(translated(pqxx::usage_error("closed")).kind(), error_kind::usage);
}

TEST(error, place_is_read_from_a_verbose_message) {
  const error e = translated(
      pqxx::sql_error("ERROR:  23505: duplicate key\nDETAIL:  TABLE NAME: is no field here\nSCHEMA NAME:  app\n"
                      "TABLE NAME:  records\nCONSTRAINT NAME:  records_one each\nLOCATION:  x.c:1\n",
                      "", "23505"));
  EXPECT_EQ(e.table(), "records");
  EXPECT_EQ(e.constraint(), "records_one each");
  EXPECT_EQ(e.column(), "");
}

TEST(error, what_is_translated_already_or_foreign_passes) {
  const auto pass = [](const auto &thrown) {
    try {
      throw thrown;
    } catch (...) {
      ratchet::rethrow_as_error();
    }
  };
  EXPECT_THROW(pass(std::bad_alloc{}), std::bad_alloc);
  try {
    pass(error(error_kind::argument, "mine", "22023"));
  } catch (const error &e) {
    EXPECT_EQ(e.sqlstate(), "22023");
    EXPECT_NO_THROW(std::rethrow_if_nested(e));
  }
}

TEST(error, kinds_have_names) {
  EXPECT_EQ(to_string(error_kind::contention), "contention");
  EXPECT_EQ(to_string(error_kind::stale), "stale");
  EXPECT_EQ(to_string(error_kind::other), "other");
}

// What libpq makes of an error on a verbose connection.
constexpr const char *verbose =
    "ERROR:  23R01: column \"a\" is protected\n"
    "DETAIL:  It was\nTABLE NAME:  not this one.\n"
    "HINT:  Call submit().\n"
    "SCHEMA NAME:  public\n"
    "TABLE NAME:  scorecards\n"
    "COLUMN NAME:  a\n"
    "LOCATION:  guard_row, guard.cpp:12\n";

TEST(error, verbose_message_reads_as_a_plain_one_and_gives_its_place) {
  const auto e = translated(pqxx::sql_error(verbose, "UPDATE", "23R01"));
  EXPECT_STREQ(e.what(),
               "ERROR:  column \"a\" is protected\nDETAIL:  It was\nTABLE NAME:  not this one.\n"
               "HINT:  Call submit().");
  EXPECT_EQ(e.table(), "scorecards");
  EXPECT_EQ(e.column(), "a");
  EXPECT_EQ(e.constraint(), "");
}

TEST(error, plain_message_stays_as_it_is) {
  constexpr const char *message = "ERROR:  23R01: is what it says\nDETAIL:  TABLE NAME: none";
  EXPECT_STREQ(translated(pqxx::sql_error(message, "UPDATE", "23R01")).what(), message);
}

TEST(error, idle_timeouts_have_lost_the_connection) {
  EXPECT_EQ(ratchet::kind_of("25P03"), error_kind::connection);
  EXPECT_EQ(ratchet::kind_of("57P05"), error_kind::connection);
}

TEST(error, busy_pool_is_503) {
  EXPECT_EQ(ratchet::http_status(ratchet::error(error_kind::busy, "")), 503);
  EXPECT_EQ(to_string(error_kind::busy), "busy");
}

}  // namespace
