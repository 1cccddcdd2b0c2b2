// What a client answers when connections break: before, during and after COMMIT, and when the server goes down.
#include <atomic>
#include <future>
#include <thread>

#include "client_test.hpp"
#include "dropping_proxy.hpp"

namespace ratchet::test {
namespace {

using namespace std::chrono_literals;

enum class blow { before_commit, during_commit, after_commit };

constexpr int gatekeeper = 4711;  // advisory lock on which a COMMIT waits

class client_loss_test : public client_test {
 protected:
  void SetUp() override {
    client_test::SetUp();
    if (IsSkipped()) return;
    sql(R"sql(
INSERT INTO scorecards (id) SELECT generate_series(101, 400);
-- Which attempt's COMMIT came through.
CREATE TABLE attempts (id bigint, attempt int);
-- A row in here makes COMMIT wait for the gatekeeper.
CREATE TABLE slow (id bigint);
CREATE FUNCTION wait_in_commit() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_in_commit();
)sql");
    proxy_ = std::make_unique<dropping_proxy>(socket());
  }
  void TearDown() override {
    proxy_.reset();
    client_test::TearDown();
  }

  ratchet::client connect_through_proxy() { return ratchet::client{proxy_->dsn(dsn_.substr(dsn_.rfind('=') + 1))}; }

  // Ends a backend and waits until it is gone.
  void terminate(int pid) { sql("SELECT pg_terminate_backend(" + std::to_string(pid) + ", 10000)"); }

  // Ends a backend that is waiting for the gatekeeper. The test's timeout ends this if it never does.
  void terminate_in_commit(int pid) {
    const auto waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid = " +
                         std::to_string(pid) + ")";
    while (ask(waiting) != "t") std::this_thread::yield();
    terminate(pid);
  }

  // A submission of row `id` in a transaction whose first attempt meets the blow.
  submit_result submit_into(blow what, int id, ratchet::client &client, const transact_options &options) {
    pqxx::connection holder{dsn_};
    pqxx::work held{holder};
    held.exec("SELECT pg_advisory_xact_lock(" + std::to_string(gatekeeper) + ")");
    std::future<void> killer;
    int attempt = 0;
    return client.transact(
        [&](pqxx::dbtransaction &tx) {
          ++attempt;
          const auto key = "00000000-0000-0000-0000-" + std::to_string(100000000000 + id);
          auto r = submission("scorecards", id).idempotency_key(key).run(tx);
          tx.exec("INSERT INTO attempts VALUES (" + std::to_string(id) + ", " + std::to_string(attempt) + ")");
          if (attempt > 1) return r;
          const int pid = tx.exec("SELECT pg_backend_pid()")[0][0].as<int>();
          if (what == blow::before_commit) terminate(pid);
          if (what == blow::during_commit) {
            tx.exec("INSERT INTO slow VALUES (1)");
            killer = std::async(std::launch::async, [this, pid] { terminate_in_commit(pid); });
          }
          if (what == blow::after_commit) proxy_->drop_next("COMMIT");
          return r;
        },
        options);
  }

  bool committed(int id, int attempt) {
    return ask("SELECT EXISTS (SELECT FROM attempts WHERE id = " + std::to_string(id) +
               " AND attempt = " + std::to_string(attempt) + ")") == "t";
  }

  std::unique_ptr<dropping_proxy> proxy_;
};

RATCHET_BOTH_WAYS(client_loss_test);

TEST_P(client_loss_test, a_lost_answer_is_asked_for_again_and_told_truthfully_200_times_of_200) {
  auto client = connect_through_proxy();
  int truthful = 0;
  for (int n = 0; n < 200; ++n) {
    const auto what = static_cast<blow>(n % 3);
    const int id = 101 + n;
    transact_options options;
    options.repeatable = true;
    int doubts = 0;
    options.on_retry = [&](const retry &r) { doubts += r.cause.kind() == error_kind::in_doubt ? 1 : 0; };
    const auto r = submit_into(what, id, client, options);
    const bool first_came_through = committed(id, 1);
    EXPECT_EQ(first_came_through, what == blow::after_commit) << n;
    EXPECT_EQ(doubts, 1) << n;
    const auto truth = first_came_through ? submit_outcome::replayed : submit_outcome::submitted;
    EXPECT_EQ(r.outcome, truth) << n;
    EXPECT_TRUE(committed(id, 2)) << n;
    if (r.outcome == truth) ++truthful;
  }
  EXPECT_EQ(truthful, 200);
  EXPECT_EQ(ask("SELECT count(*) FROM scorecards WHERE submitted_at IS NOT NULL"), "200");
}

TEST_P(client_loss_test, a_lost_answer_that_may_not_be_asked_for_is_in_doubt) {
  auto client = connect_through_proxy();
  for (const auto what : {blow::before_commit, blow::during_commit, blow::after_commit}) {
    const int id = 101 + static_cast<int>(what);
    const auto e = caught([&] { (void)submit_into(what, id, client, {}); });
    EXPECT_EQ(e.kind(), error_kind::in_doubt) << e.what();
    EXPECT_EQ(http_status(e), 503);
    EXPECT_EQ(committed(id, 1), what == blow::after_commit);
    EXPECT_FALSE(committed(id, 2));
  }
}

TEST_P(client_loss_test, a_connection_lost_before_commit_is_sent_has_stored_nothing) {
  auto client = connect();
  int attempts = 0;
  const auto e = caught([&] {
    client.transact([&](pqxx::dbtransaction &tx) {
      ++attempts;
      tx.exec("UPDATE plain SET comment = 'written'");
      terminate(tx.exec("SELECT pg_backend_pid()")[0][0].as<int>());
      tx.exec("SELECT 1");
    });
  });
  EXPECT_EQ(e.kind(), error_kind::connection) << e.what();
  EXPECT_EQ(attempts, 1);
  EXPECT_EQ(ask("SELECT comment FROM plain"), "draft");
  EXPECT_TRUE(client.run(submission("scorecards", 1)));  // on a new connection
}

TEST_P(client_loss_test, a_statement_with_an_idempotency_key_is_asked_again) {
  auto client = connect_through_proxy();
  proxy_->drop_next("ratchet.submit(");
  EXPECT_EQ(client.run(submission("scorecards", 1).idempotency_key(request_a)).outcome, submit_outcome::replayed);
  proxy_->drop_next("ratchet.submit(");
  const auto e = caught([&] { (void)client.run(submission("scorecards", 2)); });
  EXPECT_EQ(e.kind(), error_kind::in_doubt) << e.what();
  EXPECT_EQ(ask("SELECT submitted_at IS NOT NULL FROM scorecards WHERE id = 2"), "t");
}

TEST_P(client_loss_test, a_batch_whose_answer_was_lost_is_made_again_and_finds_duplicates) {
  auto client = connect_through_proxy();
  batch records("results");
  for (int q = 1; q <= 4; ++q) records.add(result(1, q));
  std::size_t done = 0;
  records.chunk(2).on_progress([&](const batch_progress &p) {
    done = p.done;
    if (p.done == 2) proxy_->drop_next("ratchet.submit_batch(");
  });
  EXPECT_EQ(caught([&] { (void)client.run(records); }).kind(), error_kind::in_doubt);
  EXPECT_EQ(done, 2U);
  const auto again = client.run(records.on_progress({}));
  EXPECT_EQ(again.outcome, batch_outcome::duplicates);
  EXPECT_EQ(again.duplicates.size(), 4U);
  EXPECT_EQ(ask("SELECT evaluated_count || ' ' || is_completed FROM runs WHERE id = 1"), "4 true");
}

TEST_P(client_loss_test, an_idle_connection_that_the_server_closed_is_replaced_unnoticed) {
  if (GetParam() == way::pooler) return;  // which replaces it by itself
  auto client = connect();
  const auto backend = [](pqxx::dbtransaction &tx) { return tx.exec("SELECT pg_backend_pid()")[0][0].as<int>(); };
  terminate(client.transact(backend));
  EXPECT_TRUE(client.run(submission("scorecards", 1)));
}

TEST_P(client_loss_test, server_restart_under_load_needs_no_restart_of_the_program) {
  constexpr int threads = 8;
  auto client = connect();
  std::atomic<bool> stop{false};
  std::atomic<int> restarted{0};
  std::atomic<int> after{0};     // successes since then, each thread at least one
  std::atomic<int> answered{0};  // rows that were answered as stored
  std::vector<std::thread> running;
  sql("CREATE TABLE stored (thread int, n int)");
  for (int me = 0; me < threads; ++me) {
    running.emplace_back([&, me] {
      bool counted = false;
      for (int n = 0; !stop; ++n) {
        const bool was_restarted = restarted;
        try {
          client.transact([&](pqxx::dbtransaction &tx) {
            tx.exec("INSERT INTO stored VALUES (" + std::to_string(me) + ", " + std::to_string(n) + ")");
          });
          ++answered;
          if (was_restarted && !counted) ++after, counted = true;
        } catch (const error &e) {
          if (e.kind() != error_kind::connection && e.kind() != error_kind::in_doubt && e.kind() != error_kind::busy) {
            ADD_FAILURE() << to_string(e.kind()) << ": " << e.what();
          }
        }
      }
    });
  }
  while (answered < 50) std::this_thread::yield();
  server().restart();
  restarted = 1;
  while (after < threads) std::this_thread::yield();
  stop = true;
  for (auto &each : running) each.join();
  // What was answered is there; what was in doubt may be.
  EXPECT_GE(std::stoi(ask("SELECT count(*) FROM stored")), answered);
}

}  // namespace
}  // namespace ratchet::test
