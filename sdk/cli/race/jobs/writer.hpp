// One of the tasks that write a job.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>
#include <string>
#include <vector>

#include "race/event.hpp"
#include "race/jobs/variant.hpp"
#include "race/network.hpp"
#include "race/notices.hpp"
#include "race/row_image.hpp"
#include "race/scratch_schema.hpp"
#include "race/settings.hpp"

namespace ratchet::cli::jobs {

// What a task is to do to the job.
struct job_write {
  std::int64_t id = 0;                          // of the job
  std::chrono::microseconds think{0};           // between reading and writing
  std::chrono::steady_clock::time_point start;  // of the round, for the events
};

// Owns a connection, and is used by one thread at a time.
class writer : race_connection {
 public:
  writer(const race_settings &settings, std::string schema, std::string who, variant kind);

  // The main task: the job is running; the job is done, at 100 %, with its result. Both throw std::runtime_error if
  // ratchet.advance() refuses, because nobody else moves the job.
  void begin(const job_write &task);
  void finish(const job_write &task);

  // The worker: that much is done.
  void advance_to(const job_write &task, int percent);

  // The heartbeat task. False once it has been told that the job has ended.
  bool beat(const job_write &task);

  const std::string &who() const { return who_; }

  // What it did since the last call.
  std::vector<event> take_events();

 private:
  void save(const job_write &task, const std::function<void(row_image &)> &change);
  void call_advance(const job_write &task, const ratchet::advance &call);
  bool call_beat(const job_write &task, const ratchet::beat &call, const std::string &with);
  std::string jobs() const { return schema_ + ".jobs"; }
  void add(const job_write &task, std::string what, act kind = act::note, std::optional<std::int64_t> progress = {});

  network network_;
  notices notices_;
  std::string schema_;
  std::string who_;
  variant kind_;
  std::vector<event> events_;
};

}  // namespace ratchet::cli::jobs
