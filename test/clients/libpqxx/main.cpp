#include <iostream>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>
#include <string>

namespace {

const std::string request = "0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10";

void contracts(pqxx::connection &connection) {
  // snippet: contracts
}

void calls(pqxx::connection &connection) {
  // snippet: calls
}

void plain_call(pqxx::connection &connection) {
  // snippet: plain
}

void errors(pqxx::connection &connection) {
  // snippet: errors
}

void save_row(pqxx::connection &connection) {
  // snippet: save
}

void tests(pqxx::connection &connection) {
  // snippet: tests
}

}  // namespace

int main() {
  pqxx::connection connection;
  {
    pqxx::work rows{connection};
    rows.exec("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);");
    rows.commit();
  }
  contracts(connection);
  calls(connection);
  plain_call(connection);
  errors(connection);
  try {
    pqxx::work w{connection};
    w.exec("UPDATE jobs SET status = 'queued' WHERE id = 1");
  } catch (const pqxx::integrity_constraint_violation &e) {
    if (e.sqlstate() != "23R02") return 1;
  }
  save_row(connection);
  tests(connection);
}
