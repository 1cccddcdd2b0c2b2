// A run of an evaluation whose results arrive in batches. Needs a database in which CREATE EXTENSION ratchet was run:
//
//     ./results 'host=localhost dbname=test'
//
// It works on tables of its own, in a transaction that it rolls back at the end.
#include <iostream>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>
#include <vector>

namespace {

void declare(pqxx::work &tx) {
  tx.exec(
      "CREATE TABLE runs (id bigint PRIMARY KEY, total int, evaluated_count int, correct_count int,"
      " is_completed boolean)");
  tx.exec(
      "CREATE TABLE results (run_id bigint REFERENCES runs, question_id int, is_correct boolean,"
      " PRIMARY KEY (run_id, question_id))");
  // The contract: counters and is_completed are right at every commit from here on, whoever writes results.
  tx.exec(
      "SELECT ratchet.tally('results', 'runs', '{\"evaluated_count\": \"true\", \"correct_count\": \"is_correct\"}',"
      " total => 'total', done => 'is_completed')");
  tx.exec("INSERT INTO runs (id, total) VALUES (1, 4)");
}

struct answer {
  int question;
  bool correct;
};

// What a request handler does: stores the batch, says what was there already and how far the run is.
int store(pqxx::work &tx, long run, const std::vector<answer> &answers) {
  ratchet::batch batch("results");
  for (const auto &a : answers) batch.add({{"run_id", run}, {"question_id", a.question}, {"is_correct", a.correct}});
  const auto r = batch.run(tx);

  std::cout << r.outcome_text << ", " << r.inserted << " new";
  for (const auto &d : r.duplicates) std::cout << ", question " << answers.at(d.index).question << " is a duplicate";
  for (const auto &p : r.progress) {
    std::cout << "; run " << p.key.at("id") << ": " << p.count("evaluated_count").value_or(0) << " of "
              << p.count("total").value_or(0) << (p.done.value_or(false) ? ", completed" : "");
  }
  std::cout << '\n';
  return ratchet::http_status(r);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: results CONNECTION_STRING\n";
    return 2;
  }
  try {
    pqxx::connection connection{argv[1]};
    pqxx::work tx{connection};
    declare(tx);

    std::cout << store(tx, 1, {{1, true}, {2, false}}) << '\n';  // stored, 2 of 4: 201
    std::cout << store(tx, 1, {{2, false}, {3, true}}) << '\n';  // partial, question 2 was there already: 207
    std::cout << store(tx, 1, {{2, false}, {3, true}}) << '\n';  // the answer was lost, asked again: duplicates, 409
    std::cout << store(tx, 1, {{4, true}}) << '\n';              // the last one: the run is completed

    // A stale save of the run, as an ORM does it: the counters stay.
    tx.exec("UPDATE runs SET evaluated_count = 2, is_completed = false");
    const auto r = ratchet::progress("runs", 1).run(tx);
    if (!r) return 1;
    std::cout << r.progress->columns << '\n';
  } catch (const ratchet::error &e) {
    std::cerr << "ratchet: " << to_string(e.kind()) << " (" << e.sqlstate() << "): " << e.what() << '\n';
    return 1;
  } catch (const std::exception &e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
