#include <iostream>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>
#include <string>

int main() {
  pqxx::connection connection;
  {
    pqxx::work rows{connection};
    rows.exec("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);");
    rows.commit();
  }
  const std::string request = "0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10";
  {
    // snippet: contracts
  }
  {
    // snippet: calls
  }
  {
    // snippet: plain
  }
  {
    // snippet: errors
  }
  {
    // snippet: save
  }
  {
    // snippet: tests
  }
}
