// A run of an evaluation whose results arrive in batches from eight threads. Needs a database in which
// CREATE EXTENSION ratchet was run:
//
//     ./results 'host=localhost dbname=test'
//
// It works in a schema of its own, results_example, which it drops at the end.
#include <atomic>
#include <future>
#include <iostream>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>
#include <vector>

namespace {

constexpr int workers = 8, batches = 40, batch_size = 25, questions = batches * batch_size;

void declare(pqxx::dbtransaction &tx) {
  tx.exec("CREATE SCHEMA results_example");
  tx.exec(
      "CREATE TABLE results_example.runs (id bigint PRIMARY KEY, total int, evaluated_count int, correct_count int,"
      " is_completed boolean)");
  tx.exec(
      "CREATE TABLE results_example.results (run_id bigint REFERENCES results_example.runs, question_id int,"
      " is_correct boolean, PRIMARY KEY (run_id, question_id))");
  // The contract: counters and is_completed are right at every commit from here on, whoever writes results.
  tx.exec(
      "SELECT ratchet.tally('results_example.results', 'results_example.runs',"
      " '{\"evaluated_count\": \"true\", \"correct_count\": \"is_correct\"}', total => 'total', done => "
      "'is_completed')");
  tx.exec("INSERT INTO results_example.runs (id, total) VALUES (1, " + std::to_string(questions) + ")");
}

struct answer {
  int question;
  bool correct;
};

// Hands out the batches in turn, and the first ones again: a queue delivers at least once.
class queue {
 public:
  std::optional<std::vector<answer>> next() {
    const int taken = taken_++;
    if (taken >= batches + workers) return std::nullopt;
    std::vector<answer> answers;
    const int first = taken % batches * batch_size;
    for (int question = first; question < first + batch_size; ++question) {
      answers.push_back({question, question % 4 != 0});
    }
    return answers;
  }

 private:
  std::atomic<int> taken_ = 0;
};

struct totals {
  std::atomic<std::int64_t> stored = 0;
  std::atomic<std::size_t> repeated = 0;
  std::atomic<int> completions = 0;
};

nlohmann::json record(const answer &a) {
  return {{"run_id", 1}, {"question_id", a.question}, {"is_correct", a.correct}};
}

// What each thread does. Of all batches one makes the run complete, and its answer says so; what must happen then, even
// when that answer is lost, belongs into the tally's on_done.
void work(ratchet::client &client, queue &from, totals &all) {
  while (const auto answers = from.next()) {
    const auto r = client.run(ratchet::batch("results_example.results").add_all(*answers, record).with_progress());
    all.stored += r.inserted;
    all.repeated += r.duplicates.size();
    for (const auto &run : r.progress) all.completions += run.done.value_or(false) ? 1 : 0;
  }
}

}  // namespace

int main(int argc, char **argv) try {
  ratchet::client client{argc > 1 ? argv[1] : ""};  // one for all threads: its pool has eight connections
  client.transact(declare);
  queue from;
  totals all;
  std::vector<std::future<void>> threads;
  for (int i = 0; i < workers; ++i) {
    threads.push_back(std::async(std::launch::async, [&] { work(client, from, all); }));
  }
  for (auto &each : threads) each.get();
  std::cout << all.stored << " stored, " << all.repeated << " were there already, " << all.completions
            << " completed\n";
  const auto r = client.run(ratchet::progress("results_example.runs", 1));
  if (!r) return 1;
  std::cout << r.progress->columns << '\n';
  client.transact([](pqxx::dbtransaction &tx) { tx.exec("DROP SCHEMA results_example CASCADE"); });
} catch (const std::exception &e) {  // ratchet::error is one, too
  std::cerr << e.what() << '\n';
  return 1;
}
