// Interviews whose prompts a service writes, which takes a while and may fail. Needs a database in which
// CREATE EXTENSION ratchet was run:
//
//     ./interview 'host=localhost dbname=test'
//
// It works in a schema of its own, interview_example, which it drops at the end.
#include <functional>
#include <iostream>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>

namespace {

constexpr const char *interviews = "interview_example.interviews";

void declare(pqxx::dbtransaction &tx) {
  tx.exec("CREATE SCHEMA interview_example");
  tx.exec(
      "CREATE TABLE interview_example.interviews (id bigint PRIMARY KEY, status text NOT NULL DEFAULT 'draft',"
      " worked_at timestamptz)");
  tx.exec(
      "CREATE TABLE interview_example.prompts (id bigserial PRIMARY KEY, body text,"
      " interview_id bigint REFERENCES interview_example.interviews CONSTRAINT one_prompt UNIQUE)");
  tx.exec(
      "SELECT ratchet.guard('interview_example.interviews', heartbeat => 'worked_at', states => '{\"status\":"
      " {\"draft\": [\"enhancing\"], \"enhancing\": [\"ready\", \"failed\"], \"failed\": [\"enhancing\"],"
      " \"ready\": []}}')");
  tx.exec("INSERT INTO interview_example.interviews (id) VALUES (1), (2), (3)");
  // What older code has left: it stored the prompt an hour ago, and the status did not follow.
  tx.exec(
      "UPDATE interview_example.interviews SET status = 'enhancing', worked_at = now() - interval '1 hour' "
      "WHERE id = 3");
  tx.exec("INSERT INTO interview_example.prompts (interview_id, body) VALUES (3, 'orphaned')");
}

// Writes the prompt outside of any transaction; then it is stored and the status moved, or neither.
ratchet::advance_result enhance(ratchet::client &client, long id, const std::function<std::string()> &write) {
  auto r = client.run(ratchet::advance(interviews, id, "enhancing"));
  if (r.outcome != ratchet::advance_outcome::advanced) return r;  // somebody else is at it, or has been
  std::string body;
  try {
    body = write();
  } catch (const std::exception &) {
    return client.run(ratchet::advance(interviews, id, "failed"));  // the user may try again
  }
  return client.run(ratchet::advance(interviews, id, "ready").store_in("interview_example.prompts", {{"body", body}}));
}

// Gives up what nobody works on any more, and leaves alone whoever is still at it. From then on whoever comes late is
// refused, so that the prompts can go. The transaction may be run again, so it reports nothing but what it returns.
std::size_t clear(ratchet::client &client) {
  return client.transact([](pqxx::dbtransaction &tx) {
    const auto given_up = ratchet::sweep(interviews, std::chrono::minutes{10}, "failed").state("enhancing").run(tx);
    tx.exec(
        "DELETE FROM interview_example.prompts p USING"
        " ratchet.orphans('interview_example.interviews', 'interview_example.prompts', 'failed') o"
        " WHERE p.id = o.key::bigint");
    return given_up.size();
  });
}

void show(long id, const ratchet::advance_result &r) {
  std::cout << "interview " << id << ": " << r.outcome_text << ", " << r.state.value_or("no state");
  if (r.record) std::cout << ", " << r.record->at("body");
  std::cout << '\n';
}

}  // namespace

int main(int argc, char **argv) try {
  ratchet::client client{argc > 1 ? argv[1] : ""};
  client.transact(declare);
  const auto write = [] { return "Tell me about yourself."; };
  const auto fail = []() -> std::string { throw std::runtime_error("the model is not at home"); };
  show(1, enhance(client, 1, write));           // advanced, ready, with its prompt
  show(1, enhance(client, 1, write));           // refused, ready: nothing is written twice
  show(2, enhance(client, 2, fail));            // advanced, failed
  show(2, enhance(client, 2, write));           // advanced, ready
  show(3, enhance(client, 3, write));           // already_there, enhancing: nobody knows who is at it
  std::cout << clear(client) << " given up\n";  // 1
  std::cout << clear(client) << " given up\n";  // 0
  show(3, enhance(client, 3, write));           // advanced, ready
  client.transact([](pqxx::dbtransaction &tx) { tx.exec("DROP SCHEMA interview_example CASCADE"); });
} catch (const std::exception &e) {  // ratchet::error is one, too
  std::cerr << e.what() << '\n';
  return 1;
}
