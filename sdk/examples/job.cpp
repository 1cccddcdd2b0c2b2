// A worker with a heartbeat beside it, and another whose job is given away. Needs a database in which CREATE EXTENSION
// ratchet was run:
//
//     ./job 'host=localhost dbname=test'
//
// It works in a schema of its own, job_example, which it drops at the end: heartbeats are seen only when committed.
#include <atomic>
#include <chrono>
#include <future>
#include <iostream>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>
#include <thread>

namespace {

constexpr const char *jobs = "job_example.jobs";

void declare(pqxx::dbtransaction &tx) {
  tx.exec("CREATE SCHEMA job_example");
  tx.exec(
      "CREATE TABLE job_example.jobs (id bigint PRIMARY KEY, status text DEFAULT 'queued', progress int DEFAULT 0,"
      " result text, attempt int DEFAULT 0, claim text UNIQUE, alive_at timestamptz)");
  // The contract: no writer moves a job backward, or touches it once it has ended, and none writes a job that a later
  // attempt has taken over. A job is alive while it is running.
  tx.exec(
      "SELECT ratchet.guard('job_example.jobs', forward => '{progress}', frozen => '{progress, result}',"
      " heartbeat => 'alive_at', alive => '{running}', fence => 'attempt', idempotency_key => 'claim', states =>"
      " '{\"status\": {\"queued\": [\"running\"], \"running\": [\"done\", \"failed\", \"queued\"], \"done\": [],"
      " \"failed\": []}}')");
  // Job 2 has a worker that was last heard of an hour ago: it has been displaced, and does not know it.
  tx.exec(
      "INSERT INTO job_example.jobs (id, status, attempt, alive_at) VALUES (1, 'queued', 0, NULL),"
      " (2, 'running', 1, now() - interval '1 hour')");
}

// Takes a job for one attempt. The claim is the worker's own word for it: if the answer is lost, the client repeats the
// call, and `replayed` says that the job is this worker's, where another's claim would be `already_there`.
ratchet::advance_result take(ratchet::client &client, long id, int attempt, const std::string &claim) {
  return client.run(ratchet::advance(jobs, id, "running")
                        .set("attempt", attempt)
                        .expect("attempt", attempt - 1)
                        .idempotency_key(claim));
}

struct heartbeat {
  ~heartbeat() { abandoned = true; }  // the worker failed: a sweep will find the job

  std::atomic<int> progress = 0;
  std::atomic<bool> abandoned = false;
  std::future<void> thread;  // last, because it uses the others
};

// Beats until it is told that the job has ended or is another attempt's: nobody has to stop it. Each beat is a
// statement that commits by itself, on a connection that the client lends meanwhile.
void keep_alive(ratchet::client &client, int attempt, const heartbeat &self) {
  const auto beat = [&] {
    return ratchet::beat(jobs, 1).set("progress", self.progress.load()).expect("attempt", attempt);
  };
  while (!self.abandoned && client.run(beat())) std::this_thread::sleep_for(std::chrono::milliseconds{20});
  std::cout << "the heartbeat has stopped\n";
}

int work(ratchet::client &client) {
  constexpr int attempt = 1;
  const auto begun = take(client, 1, attempt, "worker-a-1");
  if (!begun) return ratchet::http_status(begun);  // stale or already_there: another worker has taken it

  heartbeat beside;
  beside.thread = std::async(std::launch::async, [&] { keep_alive(client, attempt, beside); });
  for (; beside.progress < 90; beside.progress += 30) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});  // the work
  }
  // The attempt goes with every write: if the job had been given to another worker, this would be `stale`.
  const auto end = ratchet::advance(jobs, 1, "done").set("attempt", attempt).set("progress", 100).set("result", "fine");
  const auto ended = client.run(end);
  beside.thread.get();
  std::cout << "ended: " << ended.outcome_text << ", " << *ended.was << " -> " << *ended.state << '\n';
  return ratchet::http_status(ended);
}

// Puts back in the queue what nobody works on any more, for the next attempt. Whoever had it comes too late.
void recover(ratchet::client &client) {
  for (const auto &row : client.run(ratchet::sweep(jobs, std::chrono::minutes{10}, "queued"))) {
    std::cout << "job " << row.key << " swept: " << row.was.value_or("") << " -> " << row.state << '\n';
  }
  std::cout << "taken over: " << take(client, 2, 2, "worker-b-2").outcome_text << '\n';
  std::cout << "asked again: " << take(client, 2, 2, "worker-b-2").outcome_text << '\n';
  std::cout << "by another: " << take(client, 2, 2, "worker-c-2").outcome_text << '\n';
  std::cout << "displaced, beats: " << client.run(ratchet::beat(jobs, 2).expect("attempt", 1)).outcome_text << '\n';
  const auto late = client.run(ratchet::advance(jobs, 2, "done").set("attempt", 1).set("result", "late"));
  std::cout << "displaced, ends: " << late.outcome_text << '\n';
}

// A stale save, as an ORM does it, comes too late.
void save_late(pqxx::dbtransaction &tx) {
  tx.exec("UPDATE job_example.jobs SET status = 'running', progress = 60, result = NULL WHERE id = 1");
  const auto rows = tx.exec("SELECT concat(status, ', ', progress, ' %, ', result) FROM job_example.jobs WHERE id = 1");
  std::cout << rows.at(0)[0].as<std::string>() << '\n';
}

}  // namespace

int main(int argc, char **argv) try {
  ratchet::client client{argc > 1 ? argv[1] : ""};
  client.transact(declare);
  std::cout << work(client) << '\n';  // 200
  client.transact(save_late);         // done, 100 %, fine
  recover(client);                    // swept; advanced, replayed, stale; stale, stale
  client.transact([](pqxx::dbtransaction &tx) { tx.exec("DROP SCHEMA job_example CASCADE"); });
} catch (const std::exception &e) {  // ratchet::error is one, too
  std::cerr << e.what() << '\n';
  return 1;
}
