#include <algorithm>
#include <numeric>
#include <thread>

#include "barrier.hpp"
#include "server_test.hpp"

namespace ratchet::test {
namespace {

using nlohmann::json;

class batch_test : public tally_test {
 protected:
  // The counters of a run as they are stored, "evaluated/correct/score completed".
  std::string run_now(int id) {
    return ask(
        "SELECT concat(evaluated_count, '/', correct_count, '/', score_total, ' ', is_completed) FROM runs"
        " WHERE id = " +
        std::to_string(id));
  }

  // The SQLSTATE that the batch ends in, after which nothing of it is there.
  std::string refused(const batch &records) {
    const auto before = ask("SELECT count(*) FROM results");
    std::string sqlstate = "none";
    try {
      (void)run(records);
    } catch (const error &e) {
      sqlstate = e.sqlstate();
    }
    EXPECT_EQ(ask("SELECT count(*) FROM results"), before);
    return sqlstate;
  }
};

TEST_F(batch_test, new_records_are_stored_and_counted) {
  const auto r = run(batch("results").add(result(1, 1)).add(result(2, 1)).add(result(1, 2, false)).with_progress());
  EXPECT_EQ(r.outcome, batch_outcome::stored);
  EXPECT_EQ(r.outcome_text, "stored");
  EXPECT_TRUE(r);
  EXPECT_EQ(http_status(r), 201);
  EXPECT_EQ(r.inserted, 3);
  EXPECT_TRUE(r.duplicates.empty());

  ASSERT_EQ(r.progress.size(), 2U);
  for (const auto &p : r.progress) {
    const int id = p.key.at("id").get<int>();
    EXPECT_EQ(p.parent, "public.runs");
    EXPECT_EQ(p.key, (json{{"id", id}}));
    EXPECT_EQ(p.count("evaluated_count"), id == 1 ? 2 : 1);
    EXPECT_EQ(p.count("correct_count"), 1);
    EXPECT_EQ(p.count("total"), id == 1 ? 4 : 2);
    EXPECT_TRUE(p.columns.at("completed_at").is_null());
    EXPECT_EQ(p.done, false);
  }
  EXPECT_NE(r.progress[0].key, r.progress[1].key);
  EXPECT_EQ(run_now(1), "2/1/0 f");
  EXPECT_EQ(run_now(2), "1/1/0 f");
  EXPECT_EQ(run_now(3), "0/0/0 f");
}

TEST_F(batch_test, duplicates_are_named_one_by_one) {
  ASSERT_TRUE(run(batch("results").add(result(1, 1))));
  const auto r = run(batch("results")
                         .add(result(1, 2))         // 0: new
                         .add(result(1, 1, false))  // 1: stored before
                         .add(result(1, 3))         // 2: new
                         .add(result(1, 2, false))  // 3: repeats 0
                         .with_progress());
  EXPECT_EQ(r.outcome, batch_outcome::partial);
  EXPECT_TRUE(r);
  EXPECT_EQ(http_status(r), 207);
  EXPECT_EQ(r.inserted, 2);
  ASSERT_EQ(r.duplicates.size(), 2U);
  const auto by_index = [](const auto &a, const auto &b) { return a.index < b.index; };
  const bool in_order = std::is_sorted(r.duplicates.begin(), r.duplicates.end(), by_index);
  EXPECT_TRUE(in_order);
  EXPECT_EQ(r.duplicates[0].index, 1U);
  EXPECT_EQ(r.duplicates[0].constraint, "one_result_each");
  EXPECT_FALSE(r.duplicates[0].same_as);
  EXPECT_EQ(r.duplicates[1].index, 3U);
  EXPECT_EQ(r.duplicates[1].constraint, "one_result_each");
  EXPECT_EQ(r.duplicates[1].same_as, 0U);
  ASSERT_EQ(r.progress.size(), 1U);
  EXPECT_EQ(r.progress[0].count("evaluated_count"), 3);
  EXPECT_EQ(run_now(1), "3/3/0 f");  // what was there first stays
}

TEST_F(batch_test, repeated_call_changes_nothing) {
  const auto records = batch("results").add(result(1, 1)).add(result(1, 2));
  ASSERT_TRUE(run(records));
  const auto before = ask("SELECT xmin FROM runs WHERE id = 1");
  const auto again = run(records);
  EXPECT_EQ(again.outcome, batch_outcome::duplicates);
  EXPECT_FALSE(again);
  EXPECT_EQ(http_status(again), 409);
  EXPECT_EQ(again.inserted, 0);
  EXPECT_EQ(again.duplicates.size(), 2U);
  EXPECT_EQ(run_now(1), "2/2/0 f");
  EXPECT_EQ(ask("SELECT xmin FROM runs WHERE id = 1"), before);
}

TEST_F(batch_test, empty_batch_is_stored) {
  const auto r = run(batch("results"));
  EXPECT_EQ(r.outcome, batch_outcome::stored);
  EXPECT_TRUE(r);
  EXPECT_EQ(r.inserted, 0);
  EXPECT_TRUE(r.duplicates.empty());
  EXPECT_TRUE(r.progress.empty());
}

TEST_F(batch_test, last_result_completes_its_run_once) {
  ASSERT_FALSE(run(batch("results").add(result(2, 1)).with_progress()).progress.at(0).done.value());
  const auto r = run(batch("results").add(result(2, 2)).with_progress());
  ASSERT_EQ(r.progress.size(), 1U);
  EXPECT_EQ(r.progress[0].done, true);
  EXPECT_EQ(r.progress[0].columns.at("is_completed"), true);
  EXPECT_FALSE(r.progress[0].columns.at("completed_at").is_null());
  EXPECT_EQ(ask("SELECT string_agg(run_id::text, ',') FROM completions"), "2");
  (void)run(batch("results").add(result(2, 3)));
  EXPECT_EQ(ask("SELECT count(*) FROM completions"), "1");
}

TEST_F(batch_test, parents_are_left_to_the_end_unless_asked_for) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  const auto r = batch("results").add(result(1, 1)).run(tx);
  EXPECT_EQ(r.inserted, 1);
  EXPECT_TRUE(r.progress.empty());
  EXPECT_EQ(tx.exec("SELECT evaluated_count FROM runs WHERE id = 1")[0][0].as<int>(), 0);
  tx.exec("SELECT ratchet.flush()");
  EXPECT_EQ(tx.exec("SELECT evaluated_count FROM runs WHERE id = 1")[0][0].as<int>(), 1);
  (void)batch("results").add(result(1, 2)).run(tx);
  EXPECT_EQ(tx.exec("SELECT evaluated_count FROM runs WHERE id = 1")[0][0].as<int>(), 1);
  (void)batch("results").add(result(1, 3)).with_progress().run(tx);
  EXPECT_EQ(tx.exec("SELECT evaluated_count FROM runs WHERE id = 1")[0][0].as<int>(), 3);
  (void)batch("results").add(result(1, 4)).run(tx);
  tx.commit();
  EXPECT_EQ(run_now(1), "4/4/0 t");
  EXPECT_EQ(ask("SELECT count(*) FROM completions"), "1");
}

TEST_F(batch_test, rolled_back_batch_counts_nowhere) {
  pqxx::connection connection{dsn_};
  {
    pqxx::work tx{connection};
    EXPECT_EQ(batch("results").add(result(1, 1)).with_progress().run(tx).progress.at(0).count("evaluated_count"), 1);
    tx.abort();
  }
  EXPECT_EQ(run_now(1), "0/0/0 f");
  EXPECT_EQ(run(batch("results").add(result(1, 1))).outcome, batch_outcome::stored);
}

TEST_F(batch_test, values_of_every_kind_arrive) {
  auto full = result(3, 1);
  full["score"] = "12345678901234567890.5";
  full["note"] = "it's \"quoted\" \\ and — not ASCII\n";
  auto sparse = result(3, 2, false);
  sparse["score"] = nullptr;
  EXPECT_EQ(run(batch("results").add(full).add(sparse)).inserted, 2);
  EXPECT_EQ(ask("SELECT note FROM results WHERE question_id = 1"), "it's \"quoted\" \\ and — not ASCII\n");
  EXPECT_EQ(ask("SELECT score FROM results WHERE question_id = 2"), "NULL");
  EXPECT_EQ(run_now(3), "2/1/12345678901234567890.5 f");
}

TEST_F(batch_test, composite_keys_and_quoted_names_work) {
  const auto r = run(batch("\"Other\".\"Ergebnisse\"")
                         .add({{"id", request_a}, {"project_id", 1}, {"year", 2026}})
                         .add({{"id", request_b}, {"project_id", 1}, {"year", nullptr}})  // counts nowhere
                         .with_progress());
  EXPECT_EQ(r.outcome, batch_outcome::stored);
  EXPECT_EQ(r.inserted, 2);
  ASSERT_EQ(r.progress.size(), 1U);
  EXPECT_EQ(r.progress[0].parent, "\"Other\".\"Läufe\"");
  EXPECT_EQ(r.progress[0].key, (json{{"project_id", 1}, {"year", 2026}}));
  EXPECT_EQ(r.progress[0].count("evaluated"), 1);
  EXPECT_FALSE(r.progress[0].done);
}

TEST_F(batch_test, thousand_records_in_a_call) {
  batch records{"results"};
  for (int i = 1; i <= 1000; ++i) records.add(result(1 + i % 3, i, i % 2 == 0));
  EXPECT_EQ(records.size(), 1000U);
  const auto r = run(records.with_progress());
  EXPECT_EQ(r.inserted, 1000);
  EXPECT_EQ(r.progress.size(), 3U);
  EXPECT_EQ(run_now(1), "333/166/0 t");
}

TEST_F(batch_test, writer_needs_no_right_on_the_parent_and_learns_nothing_of_it) {
  sql("CREATE ROLE batch_writer; GRANT INSERT, SELECT ON results TO batch_writer");
  {
    pqxx::connection connection{dsn_};
    pqxx::work tx{connection};
    tx.exec("SET ROLE batch_writer");
    const auto r = batch("results").add(result(1, 1)).with_progress().run(tx);
    EXPECT_EQ(r.outcome, batch_outcome::stored);
    EXPECT_TRUE(r.progress.empty());
    try {
      (void)progress("runs", 1).run(tx);
      ADD_FAILURE() << "read without the right to";
    } catch (const error &e) {
      EXPECT_EQ(e.kind(), error_kind::privilege) << e.what();
    }
  }
  sql("DROP OWNED BY batch_writer; DROP ROLE batch_writer");
}

TEST_F(batch_test, changed_parent_under_repeatable_read_is_retryable) {
  pqxx::connection connection{dsn_};
  pqxx::transaction<pqxx::repeatable_read> tx{connection};
  tx.exec("SELECT FROM runs LIMIT 1");  // takes the snapshot
  ASSERT_TRUE(run(batch("results").add(result(1, 1))));
  try {
    (void)batch("results").add(result(1, 2)).with_progress().run(tx);
    ADD_FAILURE() << "counted on top of a run that changed";
  } catch (const error &e) {
    EXPECT_EQ(e.sqlstate(), "40001") << e.what();
    EXPECT_TRUE(e.retryable());
  }
}

TEST_F(batch_test, bad_records_are_refused_whole) {
  const auto with = [](const char *column, const json &content) {
    auto record = result(1, 2);
    record[column] = content;
    return batch("results").add(result(1, 1)).add(record);
  };
  EXPECT_EQ(refused(with("run_id", 4711)), "23503");
  EXPECT_EQ(refused(with("score", -1)), "23514");
  EXPECT_EQ(refused(with("is_correct", nullptr)), "23502");
  EXPECT_EQ(refused(with("score", "much")).substr(0, 2), "22");
  EXPECT_EQ(refused(with("no_such_column", 1)).substr(0, 2), "22");
  EXPECT_EQ(refused(batch("no_such_table").add(result(1, 1))), "42P01");
  EXPECT_EQ(run_now(1), "0/0/0 f");
}

TEST_F(batch_test, search_path_cannot_shadow_what_the_sdk_calls) {
  pqxx::connection connection{dsn_};
  pqxx::work tx{connection};
  tx.exec(
      "CREATE SCHEMA evil; CREATE DOMAIN evil.bool AS pg_catalog.bool CHECK (false);"
      "CREATE DOMAIN evil.jsonb AS pg_catalog.jsonb CHECK (false); SET search_path = evil, pg_catalog");
  EXPECT_EQ(batch("public.results").add(result(1, 1)).run(tx).inserted, 1);
  EXPECT_TRUE(progress("public.runs", 1).run(tx));
}

// Every writer stores the same results, each in an order of its own: each is stored by one of them, nobody waits in a
// circle, and every answer is about counters that fit.
TEST_F(batch_test, overlapping_batches_in_any_order_store_each_record_once) {
  constexpr int writers = 8;
  constexpr int rounds = 20;
  constexpr int questions = 10;
  sql("INSERT INTO runs (id, total) SELECT i, " + std::to_string(questions) + " FROM generate_series(101, 120) i");
  std::vector<std::vector<batch_result>> results(rounds, std::vector<batch_result>(writers));
  std::vector<std::string> errors(writers);
  barrier start{writers};
  std::vector<std::thread> threads;
  for (int me = 0; me < writers; ++me) {
    threads.emplace_back([&, me] {
      std::unique_ptr<pqxx::connection> connection;
      for (int round = 0; round < rounds; ++round) {
        start.arrive_and_wait();  // whatever fails below, or the others would wait for ever
        try {
          if (!connection) connection = std::make_unique<pqxx::connection>(dsn_);
          batch records{"results"};
          for (int i = 0; i < questions; ++i) {
            const int question = me % 2 == 0 ? i : questions - 1 - i;
            records.add(result(101 + round, question));
            records.add(result(101 + (round + 1) % rounds, 100 + question));
          }
          pqxx::work tx{*connection};
          results[round][me] = records.run(tx);
          tx.commit();
        } catch (const std::exception &e) {
          errors[me] = e.what();
        }
      }
    });
  }
  for (auto &thread : threads) thread.join();
  for (const auto &e : errors) EXPECT_EQ(e, "");

  for (const auto &answers : results) {
    const auto inserted = std::accumulate(answers.begin(), answers.end(), std::int64_t{0},
                                          [](auto sum, const auto &r) { return sum + r.inserted; });
    EXPECT_EQ(inserted, 2 * questions);
    for (const auto &r : answers) EXPECT_EQ(r.inserted + static_cast<int>(r.duplicates.size()), 2 * questions);
  }
  EXPECT_EQ(ask("SELECT count(*) FROM results"), std::to_string(rounds * 2 * questions));
  EXPECT_EQ(ask("SELECT count(*) FROM runs r WHERE id > 100 AND is_completed"
                " AND evaluated_count = (SELECT count(*) FROM results WHERE run_id = r.id)"),
            std::to_string(rounds));
  EXPECT_EQ(ask("SELECT concat(count(*), ' ', count(DISTINCT run_id)) FROM completions"), "20 20");
}

}  // namespace
}  // namespace ratchet::test
