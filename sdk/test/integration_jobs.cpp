// advance() and beat() against one another, and against whoever else is at the row.
#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <thread>

#include "barrier.hpp"
#include "server_test.hpp"

namespace ratchet::test {
namespace {

class jobs_test : public job_test {
 protected:
  // Runs the call behind whatever `holder` does to the row, lets it wait, and answers it after `finish`.
  template <typename Call, typename Finish>
  auto run_behind(pqxx::connection &holder, const Call &call, Finish finish) {
    pqxx::connection connection{dsn_};
    auto waiter = std::async(std::launch::async, [&] {
      pqxx::work tx{connection};
      auto result = call.run(tx);
      tx.commit();
      return result;
    });
    wait_until_blocked(connection.backendpid(), holder.backendpid());
    finish();
    return waiter.get();
  }

  // Runs `work(connection, me)` on that many threads at once and expects none of them to throw.
  template <typename Work>
  void at_once(int threads, Work work) {
    std::vector<std::string> errors(threads);
    barrier start{threads};
    std::vector<std::thread> running;
    for (int me = 0; me < threads; ++me) {
      running.emplace_back([&, me] {
        std::unique_ptr<pqxx::connection> connection;
        try {
          connection = std::make_unique<pqxx::connection>(dsn_);
        } catch (const std::exception &e) {
          errors[me] = e.what();
        }
        start.arrive_and_wait();  // whatever failed, or the others would wait for ever
        try {
          if (connection) work(*connection, me);
        } catch (const std::exception &e) {
          errors[me] = e.what();
        }
      });
    }
    for (auto &thread : running) thread.join();
    for (const auto &e : errors) EXPECT_EQ(e, "");
  }

  template <typename Call>
  static auto run_on(pqxx::connection &connection, const Call &call) {
    pqxx::work tx{connection};
    auto result = call.run(tx);
    tx.commit();
    return result;
  }

 private:
  // Returns when the backend waits for a lock that `holder` has. The test's timeout ends it if that never happens.
  void wait_until_blocked(int waiter, int holder) {
    pqxx::connection connection{dsn_};
    pqxx::nontransaction session{connection};
    const std::string question =
        "SELECT " + std::to_string(holder) + " = ANY (pg_blocking_pids(" + std::to_string(waiter) + "))";
    while (!session.exec(question)[0][0].as<bool>()) std::this_thread::yield();
  }
};

TEST_F(jobs_test, sixteen_movers_of_a_row_store_one_record) {
  constexpr int movers = 16;
  constexpr int rows = 30;
  std::vector<std::vector<advance_result>> results(rows, std::vector<advance_result>(movers));
  at_once(movers, [&](pqxx::connection &connection, int me) {
    for (int row = 0; row < rows; ++row) {
      const auto call = advance("jobs", row + 1, "running").store_in("steps", {{"name", std::to_string(me)}});
      results[row][me] = run_on(connection, call);
    }
  });
  for (int row = 0; row < rows; ++row) {
    const auto moved = [](const advance_result &r) { return r.outcome == advance_outcome::advanced; };
    ASSERT_EQ(std::count_if(results[row].begin(), results[row].end(), moved), 1) << "row " << row + 1;
    const auto winner = std::find_if(results[row].begin(), results[row].end(), moved);
    EXPECT_EQ(winner->was, "queued");
    EXPECT_EQ(ask("SELECT string_agg(name, ',') FROM steps WHERE job_id = " + std::to_string(row + 1)),
              std::to_string(winner - results[row].begin()));
    for (const auto &r : results[row]) {
      EXPECT_EQ(r.state, "running");
      if (moved(r)) continue;
      EXPECT_EQ(r.outcome, advance_outcome::already_there);
      EXPECT_EQ(r.record, winner->record);
    }
  }
  EXPECT_EQ(ask("SELECT count(*) FROM history"), std::to_string(rows));
}

TEST_F(jobs_test, movers_to_different_ends_have_one_winner) {
  constexpr int movers = 8;
  sql("UPDATE jobs SET status = 'running'");
  std::vector<advance_result> results(movers);
  at_once(movers, [&](pqxx::connection &connection, int me) {
    results[me] = run_on(connection, advance("jobs", 1, me % 2 == 0 ? "done" : "failed").set("result", "by one"));
  });
  const auto end = ask("SELECT status FROM jobs WHERE id = 1");
  const auto count = [&](advance_outcome outcome) {
    return std::count_if(results.begin(), results.end(), [&](const auto &r) { return r.outcome == outcome; });
  };
  EXPECT_EQ(count(advance_outcome::advanced), 1);
  EXPECT_EQ(count(advance_outcome::already_there), movers / 2 - 1);
  EXPECT_EQ(count(advance_outcome::refused), movers / 2);
  for (const auto &r : results) EXPECT_EQ(r.state, end);
}

TEST_F(jobs_test, waiting_mover_is_judged_by_what_it_waited_for) {
  pqxx::connection holder{dsn_};
  {
    pqxx::work tx{holder};
    ASSERT_TRUE(advance("jobs", 1, "running").run(tx));
    const auto r = run_behind(holder, advance("jobs", 1, "done").set("result", "fine"), [&] { tx.commit(); });
    EXPECT_EQ(r.outcome, advance_outcome::advanced);
    EXPECT_EQ(r.was, "running");
  }
  {
    pqxx::work tx{holder};
    ASSERT_TRUE(advance("jobs", 2, "running").run(tx));
    const auto r = run_behind(holder, advance("jobs", 2, "done").set("result", "fine"), [&] { tx.abort(); });
    EXPECT_EQ(r.outcome, advance_outcome::refused);
    EXPECT_EQ(r.state, "queued");
  }
  {
    pqxx::work tx{holder};
    ASSERT_TRUE(advance("jobs", 3, "running").run(tx));
    const auto heir = run_behind(holder, advance("jobs", 3, "running"), [&] { tx.abort(); });
    EXPECT_EQ(heir.outcome, advance_outcome::advanced);
  }
  {
    pqxx::work tx{holder};
    tx.exec("DELETE FROM jobs WHERE id = 4");
    const auto late = run_behind(holder, advance("jobs", 4, "running"), [&] { tx.commit(); });
    EXPECT_EQ(late.outcome, advance_outcome::not_found);
  }
}

TEST_F(jobs_test, waiting_heartbeat_is_judged_by_what_it_waited_for) {
  sql("UPDATE jobs SET status = 'running'");
  pqxx::connection holder{dsn_};
  {
    pqxx::work tx{holder};
    ASSERT_TRUE(advance("jobs", 1, "done").set("progress", 50).set("result", "fine").run(tx));
    const auto r = run_behind(holder, beat("jobs", 1).set("progress", 90), [&] { tx.commit(); });
    EXPECT_EQ(r.outcome, beat_outcome::finished);
  }
  {
    pqxx::work tx{holder};
    ASSERT_TRUE(beat("jobs", 2).set("progress", 90).run(tx));
    const auto r = run_behind(holder, beat("jobs", 2).set("progress", 50), [&] { tx.commit(); });
    EXPECT_EQ(r.outcome, beat_outcome::alive);
    EXPECT_EQ(r.kept, std::vector<std::string>{"progress"});
  }
  EXPECT_EQ(ask("SELECT string_agg(status || progress, ',' ORDER BY id) FROM jobs WHERE id < 3"), "done50,running90");
}

TEST_F(jobs_test, heartbeats_of_three_threads_never_lower_anything) {
  constexpr int writers = 3;
  constexpr int beats = 100;
  std::atomic<int> not_alive = 0;
  at_once(writers, [&](pqxx::connection &connection, int me) {
    for (int i = 1; i <= beats; ++i) {
      // Each counts up at its own pace, so that the slower ones bring less than is there.
      if (!run_on(connection, beat("jobs", 1).set("progress", i * (me + 1)))) ++not_alive;
    }
  });
  EXPECT_EQ(not_alive, 0);
  EXPECT_EQ(ask("SELECT progress FROM jobs WHERE id = 1"), std::to_string(writers * beats));
  EXPECT_EQ(ask("SELECT count(*) FROM (SELECT progress - lag(progress) OVER w AS more,"
                " alive_at < lag(alive_at) OVER w AS back FROM history WINDOW w AS (ORDER BY n)) h"
                " WHERE more < 0 OR back"),
            "0");
}

TEST_F(jobs_test, nothing_follows_the_end_of_a_job) {
  constexpr int writers = 4;
  constexpr int rows = 20;
  sql("UPDATE jobs SET status = 'running'; TRUNCATE history");
  std::atomic<int> wrong = 0;
  at_once(writers, [&](pqxx::connection &connection, int me) {
    for (int id = 1; id <= rows; ++id) {
      if (me == 0) {
        if (!run_on(connection, advance("jobs", id, "done").set("progress", 100).set("result", "fine"))) ++wrong;
        continue;
      }
      // Until it is told to stop, which must come.
      beat_result r;
      for (int i = 1; (r = run_on(connection, beat("jobs", id).set("progress", std::min(i, 99)))); ++i) continue;
      if (r.outcome != beat_outcome::finished) ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(ask("SELECT count(*) FROM jobs WHERE id <= 20 AND status = 'done' AND progress = 100 AND result = 'fine'"),
            std::to_string(rows));
  EXPECT_EQ(
      ask("SELECT count(*) FROM history h JOIN history e ON h.job_id = e.job_id AND h.n > e.n WHERE e.status = 'done'"),
      "0");
}

}  // namespace
}  // namespace ratchet::test
