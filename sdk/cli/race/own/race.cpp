#include "race/own/race.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <future>
#include <memory>
#include <random>
#include <stdexcept>
#include <utility>

#include "race/loss.hpp"
#include "race/own/command_step.hpp"
#include "race/own/judge.hpp"
#include "race/own/script_step.hpp"
#include "race/pause.hpp"
#include "race/rounds.hpp"
#include "race/start_line.hpp"
#include "race/timeline.hpp"

namespace ratchet::cli::own {

namespace {

constexpr std::chrono::microseconds poll_interval{100000};

// One of those who meet at the row.
struct writer {
  std::string name;
  int number = 0;  // among its like
  bool submits = false;
  std::unique_ptr<own::step> step;
};

// Connects where it needs to. Throws std::runtime_error if the script cannot be read or understood.
std::unique_ptr<step> make_step(const own::source &source, const surroundings &around) {
  if (source.command.empty()) return std::make_unique<script_step>(source.script, around);
  return std::make_unique<command_step>(source.command, around);
}

std::string key_of(const variables &row) { return row.at("key").value_or("NULL"); }

class contest {
 public:
  contest(const options &asked, const std::atomic<bool> &stop);

  void round(int number);

  own::report report() const { return report_; }

 private:
  void add_writers(const own::source &source, int count, const std::string &name, bool submits);
  variables create(int number);
  void race(int number, const variables &row);
  std::vector<step_answer> meet(const variables &row);
  std::string check(const variables &known);
  void clean_up(const variables &row) noexcept;

  const options &options_;
  const std::atomic<bool> &stop_;
  std::mt19937_64 random_;
  std::unique_ptr<step> create_;
  std::unique_ptr<step> check_;
  std::unique_ptr<step> cleanup_;
  std::vector<writer> writers_;
  own::report report_;
};

contest::contest(const options &asked, const std::atomic<bool> &stop)
    : options_(asked),
      stop_(stop),
      random_(asked.seed),
      create_(make_step(asked.create, asked.around)),
      check_(make_step(asked.check, asked.around)) {
  if (asked.cleanup.given()) cleanup_ = make_step(asked.cleanup, asked.around);
  if (asked.update.given()) add_writers(asked.update, asked.writers, "update", false);
  add_writers(asked.submit, asked.submitters, "submit", true);
}

void contest::add_writers(const own::source &source, int count, const std::string &name, bool submits) {
  for (int i = 1; i <= count; ++i) {
    writers_.push_back(
        {count == 1 ? name : fmt::format("{} {}", name, i), i, submits, make_step(source, options_.around)});
  }
}

void contest::round(int number) {
  const auto row = create(number);
  const auto failures = report_.failures.size();
  try {
    race(number, row);
  } catch (...) {
    if (!cleanup_ && !options_.throwaway)
      std::fprintf(stderr, "pg_ratchet: left by round %d: key %s\n", number, key_of(row).c_str());
    clean_up(row);
    throw;
  }
  if (!options_.keep_failed || report_.failures.size() == failures) clean_up(row);
}

variables contest::create(int number) {
  const variables known{{"round", std::to_string(number)}};
  const auto answer = create_->run("create", known, std::chrono::steady_clock::now(), stop_);
  if (!answer.failure.empty()) throw std::runtime_error("--create failed: " + answer.failure);
  auto row = created(answer);
  row.insert(known.begin(), known.end());
  return row;
}

void contest::race(int number, const variables &row) {
  auto answers = meet(row);
  std::vector<event> events;
  std::string submitter;  // the first that succeeded
  int submitted = 0;
  int updated = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const auto refused = refusal(answers[i]);
    if (!refused.empty()) {
      // What looked like a write to the timeline was none.
      for (auto &e : answers[i].events) {
        if (e.kind == act::wrote) e.kind = act::failed;
      }
      if (writers_[i].submits) report_.last_refusal = refused;
    } else if (writers_[i].submits) {
      ++submitted;
      if (submitter.empty()) submitter = writers_[i].name;
    } else {
      ++updated;
    }
    events.insert(events.end(), answers[i].events.begin(), answers[i].events.end());
  }
  auto known = row;
  const int refused = options_.submitters - submitted;
  known["submitted"] = std::to_string(submitted);
  known["refused"] = std::to_string(refused);
  known["updated"] = std::to_string(updated);
  const auto complained = check(known);

  ++report_.rounds;
  report_.submitted += submitted;
  report_.refused += refused;
  report_.updated += updated;
  report_.failed_updates += static_cast<int>(writers_.size()) - options_.submitters - updated;
  if (!complained.empty()) report_.failures.push_back({number, key_of(row), complained});
  if (report_.failed_round != 0 || (complained.empty() && number != 1)) return;
  report_.number = number;
  report_.timeline =
      in_order(std::move(events), "check", complained.empty() ? "is satisfied" : "complains: " + complained);
  if (complained.empty()) return;
  report_.failed_round = number;
  report_.loss = explain_undone(report_.timeline, submitter);
}

// All writers at once.
std::vector<step_answer> contest::meet(const variables &row) {
  start_line line{static_cast<int>(writers_.size())};
  const auto random_time = [&](std::chrono::microseconds longest) {
    return std::chrono::microseconds{std::uniform_int_distribution<long>{0, longest.count()}(random_)};
  };
  std::vector<std::future<step_answer>> running;
  for (auto &one : writers_) {
    auto known = row;
    known["writer"] = std::to_string(one.number);
    known["think_ms"] = fmt::format("{:.3f}", random_time(options_.think).count() / 1000.0);
    running.push_back(
        std::async(std::launch::async, [&, known = std::move(known), late = random_time(options_.jitter)] {
          const auto start = line.arrive_and_wait();
          pause_for(late, stop_);
          return one.step->run(one.name, known, start, stop_);
        }));
  }
  std::vector<step_answer> answers;
  for (auto &one : running) answers.push_back(one.get());
  return answers;
}

// Asks until it is satisfied or the time is over; answers what it complains about at last.
std::string contest::check(const variables &known) {
  const auto end = std::chrono::steady_clock::now() + options_.wait;
  for (;;) {
    const auto answer = check_->run("check", known, std::chrono::steady_clock::now(), stop_);
    if (!answer.failure.empty() && !check_->may_fail()) throw std::runtime_error("--check failed: " + answer.failure);
    auto complained = complaint(answer, check_->may_fail());
    if (complained.empty() || std::chrono::steady_clock::now() >= end) return complained;
    pause_for(poll_interval, stop_);
  }
}

// Also after Ctrl-C, which it does not notice any more.
void contest::clean_up(const variables &row) noexcept {
  if (!cleanup_) return;
  static const std::atomic<bool> never{false};
  std::string failure;
  try {
    failure = cleanup_->run("cleanup", row, std::chrono::steady_clock::now(), never).failure;
  } catch (const std::exception &e) {
    failure = e.what();
  }
  if (!failure.empty()) {
    std::fprintf(stderr, "pg_ratchet: --cleanup failed for key %s: %s\n", key_of(row).c_str(), failure.c_str());
  }
}

}  // namespace

report run_race(const options &asked, const std::function<void(int)> &progress, const std::atomic<bool> &stop) {
  if (!asked.setup.empty()) {
    const auto answer =
        make_step({asked.setup, {}}, asked.around)->run("setup", {}, std::chrono::steady_clock::now(), stop);
    if (!answer.failure.empty()) throw std::runtime_error("--setup failed: " + answer.failure);
  }
  contest current{asked, stop};
  for (int number = 1; number <= asked.rounds; ++number) {
    if (stop) throw interrupted{};
    current.round(number);
    progress(number);
  }
  auto report = current.report();
  if (report.submitted == 0) {
    throw std::runtime_error("no submit succeeded in any round, so nothing was raced; the last one: " +
                             report.last_refusal);
  }
  return report;
}

}  // namespace ratchet::cli::own
