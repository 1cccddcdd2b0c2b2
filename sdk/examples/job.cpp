// A worker with a heartbeat beside it. Needs a database in which CREATE EXTENSION ratchet was run:
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

void declare(pqxx::dbtransaction &tx) {
  tx.exec("CREATE SCHEMA job_example");
  tx.exec(
      "CREATE TABLE job_example.jobs (id bigint PRIMARY KEY, status text DEFAULT 'queued', progress int DEFAULT 0,"
      " result text, alive_at timestamptz)");
  // The contract: no writer moves a job backward, or touches it once it has ended.
  tx.exec(
      "SELECT ratchet.guard('job_example.jobs', forward => '{progress}', frozen => '{progress, result}',"
      " heartbeat => 'alive_at', states =>"
      " '{\"status\": {\"queued\": [\"running\"], \"running\": [\"done\", \"failed\"], \"done\": [], \"failed\": "
      "[]}}')");
  tx.exec("INSERT INTO job_example.jobs (id) VALUES (1)");
}

struct heartbeat {
  ~heartbeat() { abandoned = true; }  // the worker failed: ratchet::stuck() will find the job

  std::atomic<int> progress = 0;
  std::atomic<bool> abandoned = false;
  std::future<void> thread;  // last, because it uses the others
};

// Beats until it is told that the job has ended: nobody has to stop it. Each beat is a statement that commits by
// itself, on a connection that the client lends meanwhile.
void keep_alive(ratchet::client &client, const heartbeat &self) {
  const auto beat = [&] { return ratchet::beat("job_example.jobs", 1).set("progress", self.progress.load()); };
  while (!self.abandoned && client.run(beat())) std::this_thread::sleep_for(std::chrono::milliseconds{20});
  std::cout << "the heartbeat has stopped\n";
}

int work(ratchet::client &client) {
  const auto begun = client.run(ratchet::advance("job_example.jobs", 1, "running"));
  // already_there: another worker has taken it
  if (begun.outcome != ratchet::advance_outcome::advanced) return ratchet::http_status(begun);

  heartbeat beside;
  beside.thread = std::async(std::launch::async, [&] { keep_alive(client, beside); });
  for (; beside.progress < 90; beside.progress += 30) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});  // the work
  }
  const auto end = ratchet::advance("job_example.jobs", 1, "done").set("progress", 100).set("result", "fine");
  const auto ended = client.run(end);
  beside.thread.get();
  std::cout << "ended: " << ended.outcome_text << ", " << *ended.was << " -> " << *ended.state << '\n';
  return ratchet::http_status(ended);
}

// A stale save, as an ORM does it, comes too late.
void save_late(pqxx::dbtransaction &tx) {
  tx.exec("UPDATE job_example.jobs SET status = 'running', progress = 60, result = NULL");
  const auto rows = tx.exec("SELECT concat(status, ', ', progress, ' %, ', result) FROM job_example.jobs");
  std::cout << rows.at(0)[0].as<std::string>() << '\n';
}

}  // namespace

int main(int argc, char **argv) try {
  ratchet::client client{argc > 1 ? argv[1] : ""};
  client.transact(declare);
  std::cout << work(client) << '\n';  // 200
  client.transact(save_late);         // done, 100 %, fine
  client.transact([](pqxx::dbtransaction &tx) { tx.exec("DROP SCHEMA job_example CASCADE"); });
} catch (const std::exception &e) {  // ratchet::error is one, too
  std::cerr << e.what() << '\n';
  return 1;
}
