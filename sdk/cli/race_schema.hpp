// The tables of the race, out of the way of anything that is in the database.
#pragma once

#include <cstdint>
#include <pqxx/pqxx>
#include <string>

#include "race_judge.hpp"

namespace ratchet::cli {

// A connection for one thread of the race: read committed, nothing on its search_path, and timeouts, so that the race
// ends whatever happens. Libpqxx connections do not move; hence a base class.
class race_connection {
 public:
  explicit race_connection(const std::string &dsn);

 protected:
  pqxx::connection connection_;
};

// Throws std::runtime_error if the database does not have the extension.
void require_extension(const std::string &dsn);

// Owns a new schema with the scorecard table and drops it when destroyed, unless told to keep it.
class race_schema : race_connection {
 public:
  race_schema(const std::string &dsn, variant kind, const std::string &tag, bool keep);
  ~race_schema();

  race_schema(const race_schema &) = delete;
  race_schema &operator=(const race_schema &) = delete;

  const std::string &name() const { return name_; }

  // Creates an open scorecard; returns its id.
  std::int64_t new_scorecard(int round);

  row_state look(std::int64_t id);

 private:
  void create(variant kind);

  std::string name_;
  bool keep_;
};

}  // namespace ratchet::cli
