// One of the writers that store results of a run.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <pqxx/pqxx>
#include <string>
#include <vector>

#include "race/counters/variant.hpp"
#include "race/event.hpp"
#include "race/network.hpp"
#include "race/scratch_schema.hpp"
#include "race/settings.hpp"

namespace ratchet::cli::counters {

// A batch of results: questions [first, first + size) of a run.
struct result_batch {
  std::int64_t run = 0;
  int first = 0;
  int size = 0;
  std::chrono::microseconds think{0};           // between reading what is to be saved, and saving it
  std::chrono::steady_clock::time_point start;  // of the round, for the events
};

// What a writer says of itself that has completed the run.
inline constexpr const char *completed_the_run = "completed the run";

// Owns a connection, and is used by one thread at a time.
class writer : race_connection {
 public:
  writer(const race_settings &settings, std::string schema, std::string who);

  // Stores a batch of results and keeps the counters of their run, in the way of that variant.
  void store(variant kind, const result_batch &batch);

  // What it did since the last call.
  std::vector<event> take_events();

 private:
  // A run as an ORM holds it between reading and saving.
  struct image {
    int total = 0;
    int evaluated_count = 0;
    int correct_count = 0;
    bool is_completed = false;
  };

  void increment(const result_batch &batch);
  void recount(const result_batch &batch);
  void refresh(const result_batch &batch);
  void call_submit_batch(const result_batch &batch);

  image read(pqxx::transaction_base &tx, const result_batch &batch);
  void insert(pqxx::transaction_base &tx, const result_batch &batch);
  void count(pqxx::transaction_base &tx, const result_batch &batch, image &run);
  void save(slow_work &work, const result_batch &batch, image run);
  void add(const result_batch &batch, std::string what, act kind = act::note, std::optional<std::int64_t> count = {});

  network network_;
  std::string schema_;
  std::string who_;
  std::vector<event> events_;
};

}  // namespace ratchet::cli::counters
