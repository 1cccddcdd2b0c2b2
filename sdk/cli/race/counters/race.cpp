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

namespace ratchet::cli::counters {

namespace {

// One variant: its tables, its writers and what they came to.
class contest {
 public:
  contest(const options &asked, variant kind, std::mt19937_64 &random)
      : options_(asked), random_(random), schema_(asked.dsn, kind, new_tag(), asked.keep) {
    for (int i = 1; i <= asked.writers; ++i) {
      writers_.push_back(std::make_unique<writer>(asked, schema_.name(), fmt::format("writer {}", i)));
    }
    report_.kind = kind;
    report_.schema = schema_.name();
  }

  void round(int number);

  const counters::report &report() const { return report_; }

 private:
  void meet(std::int64_t run);
  std::vector<std::chrono::microseconds> think_times();

  const options &options_;
  std::mt19937_64 &random_;
  schema schema_;
  std::vector<std::unique_ptr<writer>> writers_;
  counters::report report_;
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
  // Who reaches the total completes the run, and of two that count at once both may find it reached.
  if (after.completions > 1 && report_.loss.empty())
    report_.loss = explain_repetition(report_.timeline, completed_the_run);
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

std::vector<report> run_race(const options &asked, const std::function<void(variant, int)> &progress,
                             const std::atomic<bool> &stop) {
  return run_rounds<contest>(asked, progress, stop);
}

}  // namespace ratchet::cli::counters
