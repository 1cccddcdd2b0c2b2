// A service whose scorecards are submitted once, whatever races. Needs a database in which CREATE EXTENSION ratchet was
// run:
//
//     ./scorecard 'host=localhost dbname=test'
//
// It works in a schema of its own, scorecard_example, which it drops at the end: what races must be committed.
#include <algorithm>
#include <future>
#include <iostream>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>
#include <vector>

namespace {

struct reply {
  int status;
  std::string text;
};

// POST /scorecards/{id}/submission. `request` is the Idempotency-Key of the caller. An expected race is an answer;
// lost races between transactions, and an answer that was lost on the way, are asked for again meanwhile.
reply submit(ratchet::client &client, long id, long user, const std::string &comment, const std::string &request) {
  try {
    ratchet::retry_options retries;
    retries.patience = std::chrono::seconds{2};  // the caller will not wait for longer
    const auto r = client.run(ratchet::submission("scorecard_example.scorecards", id)
                                  .actor(user)
                                  .set("comment", comment)
                                  .idempotency_key(request),
                              retries);
    return {ratchet::http_status(r), r.outcome_text + (r.submitted_by ? " by user " + *r.submitted_by : "")};
  } catch (const ratchet::error &e) {  // 400 for what the caller did, 503: ask again with the same key
    return {ratchet::http_status(e), std::string{to_string(e.kind())}};
  }
}

// PATCH /scorecards/{id}. What the contract keeps is told, the rest is saved.
reply save(ratchet::client &client, long id, const std::string &comment) {
  try {
    const auto r = client.run(
        ratchet::change("scorecard_example.scorecards", id).set("comment", comment).set("submitted_at", nullptr));
    auto text = r.outcome_text;
    for (const auto &column : r.kept) text += ", kept " + column;
    return {ratchet::http_status(r), text};
  } catch (const ratchet::error &e) {
    return {ratchet::http_status(e), std::string{to_string(e.kind())}};
  }
}

void declare(pqxx::dbtransaction &tx) {
  tx.exec("CREATE SCHEMA scorecard_example");
  tx.exec(
      "CREATE TABLE scorecard_example.scorecards (id bigint PRIMARY KEY, comment text, submitted_at timestamptz,"
      " submitter_user_id bigint, request_id uuid)");
  // The contract: the database enforces it on every writer from here on.
  tx.exec(
      "SELECT ratchet.guard('scorecard_example.scorecards', gate => 'submitted_at', actor => 'submitter_user_id',"
      " idempotency_key => 'request_id')");
  tx.exec("INSERT INTO scorecard_example.scorecards (id, comment) VALUES (1, 'draft'), (2, 'draft')");
}

void show(const reply &r) { std::cout << r.status << ' ' << r.text << '\n'; }

// Eight people press the button of scorecard 2 at once.
void race(ratchet::client &client) {
  std::vector<std::future<reply>> pressed;
  for (long user = 1; user <= 8; ++user) {
    const auto request = "00000000-0000-4000-8000-00000000000" + std::to_string(user);
    pressed.push_back(std::async(std::launch::async, [&client, user, request] {
      return submit(client, 2, user, "by user " + std::to_string(user), request);
    }));
  }
  std::vector<int> statuses;
  for (auto &each : pressed) statuses.push_back(each.get().status);
  std::cout << std::count(statuses.begin(), statuses.end(), 201) << " x 201, "
            << std::count(statuses.begin(), statuses.end(), 409) << " x 409\n";
}

}  // namespace

int main(int argc, char **argv) try {
  ratchet::client client{argc > 1 ? argv[1] : ""};
  client.transact(declare);
  const std::string request = "0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10";
  show(submit(client, 1, 7, "ready", request));                                // 201 submitted by user 7
  show(submit(client, 1, 7, "ready", request));                                // 200 replayed: asked again
  show(submit(client, 1, 8, "mine", "5a0b8a52-3a0e-4a2f-8a53-1c7c7a4f2b11"));  // 409 already_submitted by user 7
  show(submit(client, 9, 7, "ready", request));                                // 404 not_found
  show(submit(client, 1, 7, "ready", "no uuid"));                              // 400 argument
  show(save(client, 1, "typo corrected"));                                     // 200 updated, kept submitted_at
  race(client);                                                                // 1 x 201, 7 x 409
  client.transact([](pqxx::dbtransaction &tx) { tx.exec("DROP SCHEMA scorecard_example CASCADE"); });
} catch (const std::exception &e) {  // ratchet::error is one, too
  std::cerr << e.what() << '\n';
  return 1;
}
