// What a client does while nobody pulls the plug.
#include <algorithm>
#include <atomic>
#include <numeric>
#include <random>
#include <thread>

#include "client_test.hpp"

namespace ratchet::test {
namespace {

using namespace std::chrono_literals;

// Runs `work(number)` on so many threads; returns what any of them threw.
template <typename Work>
std::vector<std::string> in_parallel(int threads, const Work &work) {
  std::vector<std::string> errors(threads);
  std::vector<std::thread> running;
  for (int me = 0; me < threads; ++me) {
    running.emplace_back([&, me] {
      try {
        work(me);
      } catch (const std::exception &e) {
        errors[me] = e.what();
      }
    });
  }
  for (auto &each : running) each.join();
  errors.erase(std::remove(errors.begin(), errors.end(), ""), errors.end());
  return errors;
}

const std::vector<std::string> none;

int backend(pqxx::transaction_base &tx) { return tx.exec("SELECT pg_backend_pid()")[0][0].as<int>(); }

RATCHET_BOTH_WAYS(client_test);

TEST_P(client_test, runs_each_kind_of_call_as_a_statement_of_its_own) {
  auto client = connect();
  EXPECT_EQ(client.run(submission("scorecards", 1).actor(7)).outcome, submit_outcome::submitted);
  EXPECT_EQ(client.run(submission("scorecards", 1).actor(8)).outcome, submit_outcome::already_submitted);
  EXPECT_EQ(client.run(change("scorecards", 2).set("comment", "new")).outcome, update_outcome::updated);
  EXPECT_EQ(client.run(amendment("scorecards", 1, "test").set("submitted_at", nullptr)).outcome,
            amend_outcome::amended);
  EXPECT_EQ(client.run(batch("results").add(result(2, 1)).add(result(2, 2))).inserted, 2);
  EXPECT_EQ(client.run(progress("runs", 2)).progress->done, true);
  EXPECT_TRUE(client.run(verify()).empty());
  EXPECT_EQ(ask("SELECT comment FROM scorecards WHERE id = 2"), "new");
}

TEST_P(client_test, errors_of_a_call_are_those_of_its_own_run) {
  auto client = connect();
  EXPECT_EQ(caught([&] { (void)client.run(submission("plain", 1)); }).sqlstate(), "42R01");
  EXPECT_EQ(caught([&] { (void)client.run(submission("scorecards", "one")); }).kind(), error_kind::argument);
  EXPECT_TRUE(client.run(submission("scorecards", 1)));  // the connection is as good as before
}

TEST_P(client_test, errors_name_their_place_and_read_as_plain_ones) {
  auto client = connect();
  const nlohmann::json key{{"project_id", 1}, {"evaluator_id", 7}};
  ASSERT_TRUE(client.run(submission("\"Other\".\"Défense\"", key).actor("anna")));
  const auto e = caught([&] { (void)client.run(change("\"Other\".\"Défense\"", key).set("submitted", false)); });
  EXPECT_EQ(e.sqlstate(), "23R01");
  EXPECT_EQ(e.table(), "Défense");
  EXPECT_EQ(e.column(), "submitted");
  EXPECT_EQ(std::string{e.what()}.rfind("ERROR:  column \"submitted\"", 0), 0U) << e.what();
  EXPECT_EQ(std::string{e.what()}.find("NAME:"), std::string::npos) << e.what();
  EXPECT_EQ(std::string{e.what()}.find("LOCATION:"), std::string::npos) << e.what();
}

TEST_P(client_test, notices_go_to_the_handler) {
  std::string heard;
  client_options options;
  options.on_notice = [&](std::string_view text) { heard += text; };
  auto client = connect(options);
  ASSERT_TRUE(client.run(submission("scorecards", 1).actor(7)));
  client.transact([](pqxx::dbtransaction &tx) { tx.exec("UPDATE scorecards SET submitted_at = NULL WHERE id = 1"); });
  EXPECT_NE(heard.find("kept"), std::string::npos) << heard;
}

TEST_P(client_test, text_is_utf8_whatever_the_environment_says) {
  setenv("PGCLIENTENCODING", "LATIN1", 1);
  auto client = connect();
  EXPECT_TRUE(client.run(change("scorecards", 1).set("comment", "é€")));
  unsetenv("PGCLIENTENCODING");
  EXPECT_EQ(ask("SELECT comment = U&'\\00e9\\20ac' FROM scorecards WHERE id = 1"), "t");
}

TEST_P(client_test, transaction_commits_and_returns) {
  auto client = connect();
  const auto count = client.transact([](pqxx::dbtransaction &tx) {
    tx.exec("UPDATE plain SET comment = 'written'");
    return tx.exec("SELECT count(*) FROM plain")[0][0].as<int>();
  });
  EXPECT_EQ(count, 1);
  EXPECT_EQ(ask("SELECT comment FROM plain"), "written");
}

TEST_P(client_test, an_exception_rolls_back_and_comes_out_as_it_is) {
  struct mine {};
  auto client = connect();
  EXPECT_THROW(client.transact([](pqxx::dbtransaction &tx) {
    tx.exec("UPDATE plain SET comment = 'written'");
    throw mine{};
  }),
               mine);
  EXPECT_EQ(ask("SELECT comment FROM plain"), "draft");
  const auto e = caught([&] { client.transact([](pqxx::dbtransaction &tx) { tx.exec("SELECT 1/0"); }); });
  EXPECT_EQ(e.sqlstate(), "22012");
}

TEST_P(client_test, a_swallowed_error_never_commits) {
  auto client = connect();
  const auto swallow_sql = [](pqxx::dbtransaction &tx) {
    tx.exec("UPDATE plain SET comment = 'written'");
    try {
      tx.exec("SELECT 1/0");
    } catch (const std::exception &) {
    }
  };
  const auto swallow_call = [](pqxx::dbtransaction &tx) {
    tx.exec("UPDATE plain SET comment = 'written'");
    try {
      (void)submission("plain", 1).run(tx);
    } catch (const std::exception &) {
    }
  };
  EXPECT_EQ(caught([&] { client.transact(swallow_sql); }).kind(), error_kind::usage);
  EXPECT_EQ(caught([&] { client.transact(swallow_call); }).kind(), error_kind::usage);
  EXPECT_EQ(ask("SELECT comment FROM plain"), "draft");
  EXPECT_NO_THROW(client.transact([](pqxx::dbtransaction &tx) { tx.exec("UPDATE plain SET comment = 'later'"); }));
  EXPECT_EQ(ask("SELECT comment FROM plain"), "later");
}

TEST_P(client_test, an_error_behind_a_savepoint_does_no_harm) {
  auto client = connect();
  client.transact([](pqxx::dbtransaction &tx) {
    tx.exec("UPDATE plain SET comment = 'written'");
    try {
      pqxx::subtransaction inner{tx};
      inner.exec("SELECT 1/0");
    } catch (const pqxx::sql_error &) {
    }
  });
  EXPECT_EQ(ask("SELECT comment FROM plain"), "written");
}

TEST_P(client_test, deferred_constraints_fail_the_commit) {
  sql("ALTER TABLE plain ADD parent bigint REFERENCES plain DEFERRABLE INITIALLY DEFERRED");
  auto client = connect();
  const auto e =
      caught([&] { client.transact([](pqxx::dbtransaction &tx) { tx.exec("UPDATE plain SET parent = 4711"); }); });
  EXPECT_EQ(e.sqlstate(), "23503");
  EXPECT_EQ(e.kind(), error_kind::constraint);
}

TEST_P(client_test, isolation_and_read_only_are_as_asked) {
  auto client = connect();
  transact_options options;
  options.isolation = isolation::repeatable_read;
  options.read_only = true;
  const auto read = [](pqxx::dbtransaction &tx) {
    return tx.exec("SELECT current_setting('transaction_isolation') || current_setting('transaction_read_only')")[0][0]
        .as<std::string>();
  };
  EXPECT_EQ(client.transact(read, options), "repeatable readon");
  EXPECT_EQ(client.transact(read), "read committedoff");
}

TEST_P(client_test, contention_runs_all_of_it_again_and_tells) {
  auto client = connect();
  std::vector<int> told;
  transact_options options;
  options.on_retry = [&](const retry &r) {
    told.push_back(r.attempt);
    EXPECT_EQ(r.cause.kind(), error_kind::contention);
    EXPECT_GT(r.wait, 0ms);
  };
  int attempts = 0;
  client.transact(
      [&](pqxx::dbtransaction &tx) {
        tx.exec("UPDATE plain SET comment = comment || '+'");
        if (++attempts < 3) tx.exec("DO $$ BEGIN RAISE 'lost' USING ERRCODE = '40001'; END $$");
      },
      options);
  EXPECT_EQ(attempts, 3);
  EXPECT_EQ(told, (std::vector<int>{1, 2}));
  EXPECT_EQ(ask("SELECT comment FROM plain"), "draft+");
}

TEST_P(client_test, patience_ends) {
  auto client = connect();
  transact_options options;
  options.patience = 0ms;
  int attempts = 0;
  const auto e = caught([&] {
    client.transact(
        [&](pqxx::dbtransaction &tx) {
          ++attempts;
          tx.exec("DO $$ BEGIN RAISE 'lost' USING ERRCODE = '40P01'; END $$");
        },
        options);
  });
  EXPECT_EQ(e.sqlstate(), "40P01");
  EXPECT_TRUE(e.retryable());
  EXPECT_EQ(attempts, 1);
}

TEST_P(client_test, other_errors_are_not_tried_again) {
  auto client = connect();
  int attempts = 0;
  EXPECT_EQ(caught([&] {
              client.transact([&](pqxx::dbtransaction &tx) {
                ++attempts;
                tx.exec("INSERT INTO plain VALUES (1)");
              });
            }).sqlstate(),
            "23505");
  EXPECT_EQ(attempts, 1);
}

TEST_P(client_test, sixteen_serializable_threads_on_one_row_lose_no_increment) {
  constexpr int threads = 16;
  constexpr int increments = 10;
  sql("CREATE TABLE counted AS SELECT 0 AS n");
  auto client = connect();
  transact_options options;
  options.isolation = isolation::serializable;
  options.patience = 120s;
  options.on_retry = [](const retry &) {};
  EXPECT_EQ(in_parallel(threads,
                        [&](int) {
                          for (int i = 0; i < increments; ++i) {
                            client.transact(
                                [](pqxx::dbtransaction &tx) {
                                  const auto n = tx.exec("SELECT n FROM counted")[0][0].as<int>();
                                  tx.exec("UPDATE counted SET n = " + std::to_string(n + 1));
                                },
                                options);
                          }
                        }),
            none);
  EXPECT_EQ(ask("SELECT n FROM counted"), std::to_string(threads * increments));
}

TEST_P(client_test, thirty_two_threads_have_one_winner) {
  auto client = connect();
  std::atomic<int> winners{0};
  std::atomic<int> losers{0};
  EXPECT_EQ(in_parallel(32,
                        [&](int me) {
                          for (int row = 1; row <= 20; ++row) {
                            const auto r = client.run(submission("scorecards", row).actor(me));
                            if (r) ++winners;
                            if (r.outcome == submit_outcome::already_submitted) ++losers;
                          }
                        }),
            none);
  EXPECT_EQ(winners, 20);
  EXPECT_EQ(losers, 31 * 20);
}

// Results of runs 1 and 2, in some order.
std::vector<nlohmann::json> shuffled_results(int questions, int seed) {
  std::vector<nlohmann::json> records;
  for (int run = 1; run <= 2; ++run) {
    for (int q = 1; q <= questions; ++q) {
      records.push_back({{"run_id", run}, {"question_id", q}, {"is_correct", q % 3 == 0}, {"score", 0.5}});
    }
  }
  std::shuffle(records.begin(), records.end(), std::mt19937{static_cast<unsigned>(seed)});
  return records;
}

TEST_P(client_test, overlapping_shuffled_batches_never_deadlock_and_count_exactly) {
  constexpr int questions = 600;
  auto client = connect();
  std::atomic<std::int64_t> inserted{0};
  std::atomic<std::int64_t> duplicates{0};
  retry_options once;
  once.patience = 0ms;  // a deadlock would come out
  EXPECT_EQ(in_parallel(8,
                        [&](int me) {
                          const auto r =
                              client.run(batch("results").chunk(100).add_all(shuffled_results(questions, me)), once);
                          inserted += r.inserted;
                          duplicates += static_cast<std::int64_t>(r.duplicates.size());
                        }),
            none);
  EXPECT_EQ(inserted, 2 * questions);
  EXPECT_EQ(duplicates, 7 * 2 * questions);
  EXPECT_EQ(ask("SELECT string_agg(evaluated_count || '/' || correct_count || '/' || score_total, ' ' ORDER BY id)"
                " FROM runs WHERE id < 3"),
            "600/200/300.0 600/200/300.0");
  EXPECT_TRUE(client.run(verify("results")).empty());
}

TEST_P(client_test, ordered_chunks_in_one_transaction_never_deadlock) {
  constexpr int questions = 300;
  auto client = connect();
  transact_options once;
  once.patience = 0ms;
  EXPECT_EQ(in_parallel(6,
                        [&](int me) {
                          client.transact(
                              [&](pqxx::dbtransaction &tx) {
                                (void)batch("results")
                                    .chunk(50)
                                    .order_by({"run_id", "question_id"})
                                    .add_all(shuffled_results(questions, me))
                                    .run(tx);
                              },
                              once);
                        }),
            none);
  EXPECT_EQ(ask("SELECT sum(evaluated_count) FROM runs"), std::to_string(2 * questions));
}

TEST_P(client_test, exhausted_pool_says_so_in_time_and_recovers) {
  client_options options;
  options.pool_size = 2;
  options.pool_wait = 30ms;
  auto client = connect(options);
  {
    const auto first = client.acquire();
    const auto second = client.acquire();
    const auto e = caught([&] { (void)client.run(submission("scorecards", 1)); });
    EXPECT_EQ(e.kind(), error_kind::busy) << e.what();
    EXPECT_EQ(http_status(e), 503);
  }
  EXPECT_TRUE(client.run(submission("scorecards", 1)));
}

TEST_P(client_test, waiting_for_the_pool_ends_when_a_connection_comes_back) {
  client_options options;
  options.pool_size = 1;
  options.pool_wait = 60s;
  auto client = connect(options);
  std::atomic<int> done{0};
  EXPECT_EQ(in_parallel(6,
                        [&](int me) {
                          for (int i = 1; i <= 5; ++i) (void)client.run(submission("scorecards", me * 5 + i));
                          ++done;
                        }),
            none);
  EXPECT_EQ(done, 6);
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards WHERE submitted_at IS NOT NULL"), "30");
}

TEST_P(client_test, connections_are_kept_until_they_are_old_or_discarded) {
  if (GetParam() == way::pooler) return;  // which shares backends as it likes
  auto kept = connect();
  client_options short_lived;
  short_lived.lifetime = 0s;
  auto renewed = connect(short_lived);
  const auto pid = [](ratchet::client &client) { return client.transact(backend); };
  const auto first = pid(kept);
  EXPECT_EQ(pid(kept), first);
  EXPECT_NE(pid(renewed), pid(renewed));
  kept.acquire().discard();
  EXPECT_NE(pid(kept), first);
}

TEST_P(client_test, a_lease_takes_transactions_of_ones_own) {
  auto client = connect();
  {
    auto lease = client.acquire();
    auto moved = std::move(lease);
    pqxx::work tx{moved.connection()};
    EXPECT_TRUE(submission("scorecards", 1).run(tx));
    tx.commit();
  }
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards WHERE submitted_at IS NOT NULL"), "1");
}

TEST_P(client_test, extension_is_compared_with_the_sdk) {
  auto client = connect();
  const auto check = client.transact([](pqxx::dbtransaction &tx) { return check_server(tx); });
  EXPECT_TRUE(check);
  EXPECT_EQ(check.installed, RATCHET_VERSION);
  sql("DROP EXTENSION ratchet CASCADE");
  const auto gone = client.transact([](pqxx::dbtransaction &tx) { return check_server(tx); });
  EXPECT_FALSE(gone);
  EXPECT_EQ(gone.installed, "");
}

TEST(client, a_pool_of_no_connections_is_refused) {
  client_options options;
  options.pool_size = 0;
  EXPECT_EQ(caught([&] { client refused("dbname=x", options); }).kind(), error_kind::argument);
}

TEST(client, no_server_is_an_error_of_the_connection) {
  client client{"host=/nonexistent dbname=x"};
  EXPECT_EQ(caught([&] { (void)client.run(progress("runs", 1)); }).kind(), error_kind::connection);
}

}  // namespace
}  // namespace ratchet::test
