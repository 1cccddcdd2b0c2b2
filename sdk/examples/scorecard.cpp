// A scorecard that is submitted once, whatever races it. Needs a database in which CREATE EXTENSION ratchet was run:
//
//     ./scorecard 'host=localhost dbname=test'
//
// It works on a table of its own, in a transaction that it rolls back at the end.
#include <iostream>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>

namespace {

void declare(pqxx::work &tx) {
  tx.exec(
      "CREATE TABLE scorecards (id bigint PRIMARY KEY, comment text, submitted_at timestamptz,"
      " submitter_user_id bigint, request_id uuid)");
  // The contract: the database enforces it on every writer from here on.
  tx.exec(
      "SELECT ratchet.guard('scorecards', gate => 'submitted_at', actor => 'submitter_user_id',"
      " idempotency_key => 'request_id')");
  tx.exec("INSERT INTO scorecards (id, comment) VALUES (1, 'draft')");
}

// What a request handler does: no exception for an expected race, and the HTTP status at hand.
int submit(pqxx::work &tx, long id, long user, const std::string &text, const std::string &request) {
  const auto r =
      ratchet::submission("scorecards", id).actor(user).set("comment", text).idempotency_key(request).run(tx);
  std::cout << "user " << user << " submits: " << r.outcome_text;
  if (!r && r.submitted_by) std::cout << ", by user " << *r.submitted_by;
  std::cout << '\n';
  return ratchet::http_status(r);
}

void show(pqxx::work &tx) {
  const auto rows = tx.exec("SELECT comment, submitted_at IS NOT NULL FROM scorecards");
  std::cout << "comment '" << rows.at(0)[0].as<std::string>() << "', submitted " << std::boolalpha
            << rows.at(0)[1].as<bool>() << '\n';
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::cerr << "usage: scorecard CONNECTION_STRING\n";
    return 2;
  }
  try {
    pqxx::connection connection{argv[1]};
    pqxx::work tx{connection};
    declare(tx);

    const std::string request = "0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10";
    std::cout << submit(tx, 1, 7, "ready", request) << '\n';  // submitted, 201
    std::cout << submit(tx, 1, 7, "ready", request) << '\n';  // the answer was lost, asked again: replayed, 200
    std::cout << submit(tx, 1, 8, "mine", "5a0b8a52-3a0e-4a2f-8a53-1c7c7a4f2b11") << '\n';  // already_submitted, 409
    show(tx);

    // A stale whole-row save, as an ORM does it: its comment goes through, the submission stays.
    tx.exec("UPDATE scorecards SET comment = 'typo corrected', submitted_at = NULL, submitter_user_id = NULL");
    show(tx);

    // The same question with an answer: what was kept?
    const auto r = ratchet::change("scorecards", 1).set("comment", "final").set("submitted_at", nullptr).run(tx);
    std::cout << r.outcome_text << ", kept:";
    for (const auto &column : r.kept) std::cout << ' ' << column;
    std::cout << '\n';
  } catch (const ratchet::error &e) {
    std::cerr << "ratchet: " << to_string(e.kind()) << " (" << e.sqlstate() << "): " << e.what() << '\n';
    return 1;
  } catch (const std::exception &e) {
    std::cerr << e.what() << '\n';
    return 1;
  }
}
