// One of the workers between whom a job is handed over.
#pragma once

#include <cstdint>
#include <functional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "race/event.hpp"
#include "race/jobs/variant.hpp"
#include "race/jobs/writer.hpp"
#include "race/network.hpp"
#include "race/row_image.hpp"
#include "race/scratch_schema.hpp"
#include "race/settings.hpp"

namespace ratchet::cli::jobs {

// Owns a connection, and is used by one thread at a time.
class worker : race_connection {
 public:
  worker(const race_settings &settings, std::string schema, std::string who, variant kind);

  // Takes the job for an attempt, if it is queued. True if it was answered that the job is its own.
  bool take(const job_write &task, int attempt);

  // Reads the job that it has taken, as a worker does that begins.
  void begin(const job_write &task);

  // Writes its result, by what it knows of the job since it began. True if it was answered that this was done.
  bool finish(const job_write &task);

  // Puts the job back in the queue, because no worker has shown a sign of life for too long: the lease of the race is
  // over at once, so that nobody has to wait for it.
  void sweep(const job_write &task);

  // What it says is its result.
  std::string result() const { return "by " + who_; }
  const std::string &who() const { return who_; }

  // What it did since the last call.
  std::vector<event> take_events();

 private:
  bool save(const job_write &task, const std::string &what);
  bool call(const job_write &task, const ratchet::advance &call, const std::string &what);
  std::string handed() const { return schema_ + ".handed"; }
  void add(const job_write &task, std::string what, act kind);

  network network_;
  std::string schema_;
  std::string who_;
  variant kind_;
  int attempt_ = 0;
  row_image job_;  // as it was read last
  std::vector<event> events_;
};

}  // namespace ratchet::cli::jobs
