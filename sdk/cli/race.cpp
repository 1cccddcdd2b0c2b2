#include "race.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <random>

#include "race_schema.hpp"
#include "race_writer.hpp"

namespace ratchet::cli {

namespace {

using clock = std::chrono::steady_clock;

// Lets its parties go on together.
class start_line {
 public:
  explicit start_line(int parties) : missing_(parties) {}

  // Answers when the last party arrived.
  clock::time_point arrive_and_wait() {
    std::unique_lock lock{mutex_};
    if (--missing_ == 0) {
      start_ = clock::now();
      everybody_.notify_all();
    }
    everybody_.wait(lock, [this] { return missing_ == 0; });
    return start_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable everybody_;
  int missing_;
  clock::time_point start_;
};

// One variant: its table, its writers and what they came to.
class contest {
 public:
  contest(const race_options &options, variant kind, std::mt19937_64 &random)
      : options_(options),
        random_(random),
        schema_(options.dsn, kind, fmt::format("{:08x}", std::random_device{}()), options.keep),
        submitter_(options.dsn, schema_.name(), "submitter") {
    for (int i = 1; i <= options.writers; ++i) {
      const std::string who = options.writers == 1 ? "saver" : fmt::format("saver {}", i);
      savers_.push_back(std::make_unique<race_writer>(options.dsn, schema_.name(), who));
    }
    report_.kind = kind;
    report_.schema = schema_.name();
  }

  void round(int number) {
    const auto id = schema_.new_scorecard(number);
    auto writings = meet(id, number);
    judge(number, writings, schema_.look(id));
  }

  const race_report &report() const { return report_; }

 private:
  std::vector<writing> meet(std::int64_t id, int number);
  void judge(int number, std::vector<writing> &writings, const row_state &after);
  std::chrono::microseconds think() {
    return std::chrono::microseconds{std::uniform_int_distribution<long>{0, options_.think.count()}(random_)};
  }

  const race_options &options_;
  std::mt19937_64 &random_;
  race_schema schema_;
  race_writer submitter_;
  std::vector<std::unique_ptr<race_writer>> savers_;
  race_report report_;
};

// All writers at once; the submitter's writing comes first.
std::vector<writing> contest::meet(std::int64_t id, int number) {
  start_line line{options_.writers + 1};
  std::vector<std::future<writing>> running;
  running.push_back(std::async(std::launch::async, [&, pause = think()] {
    return submitter_.submit({id, pause, line.arrive_and_wait()}, report_.kind);
  }));
  for (std::size_t i = 0; i < savers_.size(); ++i) {
    running.push_back(std::async(std::launch::async, [&, i, pause = think()] {
      return savers_[i]->save_stale({id, pause, line.arrive_and_wait()},
                                    fmt::format("round {}, comment {}", number, i + 1));
    }));
  }
  std::vector<writing> writings;
  for (auto &writer : running) writings.push_back(writer.get());
  return writings;
}

void contest::judge(int number, std::vector<writing> &writings, const row_state &after) {
  const writing submission = writings.front();
  std::sort(writings.begin(), writings.end(), [](const auto &a, const auto &b) { return a.tick < b.tick; });

  // The comment that must be there is the one that was written last: nobody wrote after it. Two stale saves may
  // overwrite each other, and a submitter that saves its whole row may too: no guard on the gate is asked to stop that.
  std::string expected = "draft";
  std::string overwritten_by_submitter;
  for (const auto &w : writings) {
    if (!w.comment) continue;
    if (w.who == submission.who && *w.comment != expected) overwritten_by_submitter = expected;
    expected = *w.comment;
  }

  const bool submission_lost = after.submitted_at != submission.submitted_at || after.submitter != submitter_id;
  const bool comment_lost = after.comment != expected;
  ++report_.rounds;
  report_.lost_submissions += submission_lost ? 1 : 0;
  report_.lost_comments += comment_lost ? 1 : 0;
  report_.overwritten += overwritten_by_submitter.empty() ? 0 : 1;
  report_.guarded += std::any_of(writings.begin(), writings.end(), [](const auto &w) { return w.guarded; }) ? 1 : 0;

  if ((submission_lost || comment_lost) && report_.failed_round == 0) {
    report_.failed_round = number;
    auto &timeline = report_.timeline;
    for (const auto &w : writings) timeline.insert(timeline.end(), w.events.begin(), w.events.end());
    std::stable_sort(timeline.begin(), timeline.end(), [](const auto &a, const auto &b) { return a.ms < b.ms; });
    timeline.push_back(
        {timeline.back().ms, "row", "is now " + describe(after.submitted_at.has_value(), after.comment)});
  }
}

}  // namespace

std::string_view to_string(variant kind) {
  switch (kind) {
    case variant::none:
      return "none";
    case variant::any:
      return "any";
    case variant::submit:
      break;
  }
  return "submit";
}

variant variant_from(std::string_view name) {
  return name == "none" ? variant::none : name == "any" ? variant::any : variant::submit;
}

std::vector<race_report> run_race(const race_options &options, const std::function<void(variant, int)> &progress,
                                  const std::atomic<bool> &stop) {
  std::mt19937_64 random{options.seed};
  std::vector<race_report> reports;
  for (const variant kind : options.variants) {
    contest current{options, kind, random};
    for (int number = 1; number <= options.rounds; ++number) {
      if (stop) throw interrupted{};
      current.round(number);
      progress(kind, number);
    }
    reports.push_back(current.report());
  }
  return reports;
}

}  // namespace ratchet::cli
