// Where a race works: connections of its own, and a schema out of the way of anything that is in the database.
#pragma once

#include <pqxx/pqxx>
#include <string>
#include <string_view>

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

// Owns a new schema named ratchet_race_TAG_VARIANT and drops it when destroyed, unless told to keep it.
class scratch_schema : race_connection {
 public:
  scratch_schema(const std::string &dsn, std::string_view tag, std::string_view variant, bool keep);
  ~scratch_schema();

  scratch_schema(const scratch_schema &) = delete;
  scratch_schema &operator=(const scratch_schema &) = delete;

  const std::string &name() const { return name_; }

 protected:
  // Runs SQL in a transaction of its own, without notices.
  void execute(const std::string &sql);

  using race_connection::connection_;

 private:
  std::string name_;
  bool keep_;
};

// A tag that no other race uses.
std::string new_tag();

}  // namespace ratchet::cli
