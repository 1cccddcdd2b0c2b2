#include <algorithm>
#include <future>
#include <memory>
#include <thread>

#include "barrier.hpp"
#include "server_test.hpp"

namespace ratchet::test {
namespace {

class concurrency_test : public server_test {
 protected:
  // Returns when the backend waits for a lock that `holder` has. The test's timeout ends it if that never happens.
  void wait_until_blocked(int waiter, int holder) {
    pqxx::connection connection{dsn_};
    pqxx::nontransaction session{connection};
    const std::string question =
        "SELECT " + std::to_string(holder) + " = ANY (pg_blocking_pids(" + std::to_string(waiter) + "))";
    while (!session.exec(question)[0][0].as<bool>()) std::this_thread::yield();
  }

  // A submission by user 8 of row 1 that starts while `winner`, of user 7, holds the row, and ends after `finish`.
  template <typename Finish>
  submit_result submit_behind(pqxx::connection &holder, Finish finish) {
    pqxx::connection connection{dsn_};
    const int waiter = connection.backendpid();
    auto loser = std::async(std::launch::async, [&connection] {
      pqxx::work tx{connection};
      auto result = submission("scorecards", 1).actor(8).run(tx);
      tx.commit();
      return result;
    });
    wait_until_blocked(waiter, holder.backendpid());
    finish();
    return loser.get();
  }
};

TEST_F(concurrency_test, waiting_loser_learns_who_won) {
  pqxx::connection holder{dsn_};
  pqxx::work tx{holder};
  const auto winner = submission("scorecards", 1).actor(7).run(tx);
  ASSERT_TRUE(winner);
  const auto loser = submit_behind(holder, [&] { tx.commit(); });
  EXPECT_EQ(loser.outcome, submit_outcome::already_submitted);
  EXPECT_EQ(loser.submitted_by, "7");
  EXPECT_EQ(loser.submitted_at, winner.submitted_at);
}

TEST_F(concurrency_test, waiter_wins_when_the_first_rolls_back) {
  pqxx::connection holder{dsn_};
  pqxx::work tx{holder};
  ASSERT_TRUE(submission("scorecards", 1).actor(7).run(tx));
  const auto heir = submit_behind(holder, [&] { tx.abort(); });
  EXPECT_EQ(heir.outcome, submit_outcome::submitted);
  EXPECT_EQ(heir.submitted_by, "8");
  EXPECT_EQ(ask("SELECT submitter_user_id FROM scorecards WHERE id = 1"), "8");
}

TEST_F(concurrency_test, waiter_behind_a_delete_finds_nothing) {
  pqxx::connection holder{dsn_};
  pqxx::work tx{holder};
  tx.exec("DELETE FROM scorecards WHERE id = 1");
  EXPECT_EQ(submit_behind(holder, [&] { tx.commit(); }).outcome, submit_outcome::not_found);
}

TEST_F(concurrency_test, sixty_four_submitters_a_hundred_times_have_one_winner_each) {
  constexpr int submitters = 64;
  constexpr int rounds = 100;
  std::vector<std::vector<submit_result>> results(rounds, std::vector<submit_result>(submitters));
  std::vector<std::string> errors(submitters);
  barrier start{submitters};
  std::vector<std::thread> threads;
  for (int me = 0; me < submitters; ++me) {
    threads.emplace_back([&, me] {
      std::unique_ptr<pqxx::connection> connection;
      for (int round = 0; round < rounds; ++round) {
        start.arrive_and_wait();  // whatever fails below, or the others would wait for ever
        try {
          if (!connection) connection = std::make_unique<pqxx::connection>(dsn_);
          pqxx::work tx{*connection};
          results[round][me] = submission("scorecards", round + 1).actor(me).run(tx);
          tx.commit();
        } catch (const std::exception &e) {
          errors[me] = e.what();
        }
      }
    });
  }
  for (auto &thread : threads) thread.join();
  for (const auto &e : errors) EXPECT_EQ(e, "");

  for (int round = 0; round < rounds; ++round) {
    const auto &answers = results[round];
    const auto won = [](const submit_result &r) { return r.outcome == submit_outcome::submitted; };
    ASSERT_EQ(std::count_if(answers.begin(), answers.end(), won), 1) << "round " << round;
    const auto winner = std::find_if(answers.begin(), answers.end(), won);
    const auto name = std::to_string(winner - answers.begin());
    EXPECT_EQ(winner->submitted_by, name);
    EXPECT_EQ(ask("SELECT submitter_user_id FROM scorecards WHERE submitted_at IS NOT NULL AND id = " +
                  std::to_string(round + 1)),
              name);
    for (const auto &answer : answers) {
      if (won(answer)) continue;
      EXPECT_EQ(answer.outcome, submit_outcome::already_submitted);
      EXPECT_EQ(answer.submitted_by, name);
      EXPECT_EQ(answer.submitted_at, winner->submitted_at);
    }
  }
}

}  // namespace
}  // namespace ratchet::test
