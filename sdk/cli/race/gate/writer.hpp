// One of the writers that meet at a row.
#pragma once

#include <chrono>
#include <cstdint>
#include <pqxx/pqxx>
#include <string>

#include "race/gate/judge.hpp"
#include "race/network.hpp"
#include "race/notices.hpp"
#include "race/row_image.hpp"
#include "race/scratch_schema.hpp"
#include "race/settings.hpp"

namespace ratchet::cli::gate {

// What a writer is to do in one round.
struct assignment {
  std::int64_t id = 0;                          // of the scorecard
  std::chrono::microseconds think{0};           // between reading and writing
  std::chrono::steady_clock::time_point start;  // of the round, for the events
};

// Owns a connection, and is used by one thread at a time.
class writer : race_connection {
 public:
  writer(const race_settings &settings, std::string schema, std::string who);

  // The Update of the application: reads the row, thinks, saves all of it with a new comment.
  writing save_stale(const assignment &task, const std::string &comment);

  // The Submit of the application, which reads and thinks too. Throws std::runtime_error if it is refused, because
  // nobody else submits this row.
  writing submit(const assignment &task, variant kind);

 private:
  row_image read_and_think(const assignment &task, writing &done);
  void save(const assignment &task, const row_image &image, writing &done);
  void call_submit(const assignment &task, writing &done);

  network network_;
  notices notices_;
  std::string schema_;
  std::string who_;
};

}  // namespace ratchet::cli::gate
