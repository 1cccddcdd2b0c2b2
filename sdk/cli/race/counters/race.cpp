#include "race/counters/race.hpp"

#include <fmt/format.h>

#include <future>
#include <memory>
#include <random>

#include "race/counters/judge.hpp"
#include "race/counters/schema.hpp"
#include "race/counters/writer.hpp"
#include "race/loss.hpp"
#include "race/rounds.hpp"
#include "race/start_line.hpp"

namespace ratchet::cli {

namespace {

// One variant: its tables, its writers and what they came to.
class contest {
 public:
  contest(const runs_options &options, runs_variant kind, std::mt19937_64 &random)
      : options_(options), random_(random), schema_(options.dsn, kind, new_tag(), options.keep) {
    for (int i = 1; i <= options.writers; ++i) {
      writers_.push_back(std::make_unique<runs_writer>(options, schema_.name(), fmt::format("writer {}", i)));
    }
    report_.kind = kind;
    report_.schema = schema_.name();
  }

  void round(int number);

  const runs_report &report() const { return report_; }

 private:
  void meet(std::int64_t run);
  std::vector<std::chrono::microseconds> think_times();

  const runs_options &options_;
  std::mt19937_64 &random_;
  runs_schema schema_;
  std::vector<std::unique_ptr<runs_writer>> writers_;
  runs_report report_;
};

void contest::round(int number) {
  const auto id = schema_.new_run(options_.total());
  meet(id);
  std::vector<event> events;
  for (auto &writer : writers_) {
    const auto own = writer->take_events();
    events.insert(events.end(), own.begin(), own.end());
  }
  const auto after = schema_.look(id);
  const bool failed = judge(after, number, report_);
  if (!failed && number != 1) return;
  report_.number = number;
  report_.timeline = timeline(std::move(events), after);
  if (after.results != after.evaluated_count) report_.loss = explain_setback(report_.timeline);
}

// All writers at once, each of them one batch after the other.
void contest::meet(std::int64_t run) {
  start_line line{options_.writers};
  std::vector<std::future<void>> running;
  for (int i = 0; i < options_.writers; ++i) {
    running.push_back(std::async(std::launch::async, [&, i, pauses = think_times()] {
      const auto start = line.arrive_and_wait();
      int first = i * options_.batches * options_.batch_size;
      for (const auto pause : pauses) {
        writers_[i]->store(report_.kind, {run, first, options_.batch_size, pause, start});
        first += options_.batch_size;
      }
    }));
  }
  for (auto &writer : running) writer.get();
}

std::vector<std::chrono::microseconds> contest::think_times() {
  std::vector<std::chrono::microseconds> times;
  for (int i = 0; i < options_.batches; ++i) times.push_back(think_time(options_, random_));
  return times;
}

}  // namespace

std::vector<runs_report> run_runs(const runs_options &options, const std::function<void(runs_variant, int)> &progress,
                                  const std::atomic<bool> &stop) {
  return run_rounds<contest>(options, progress, stop);
}

}  // namespace ratchet::cli
