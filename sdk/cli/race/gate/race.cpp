#include "race/gate/race.hpp"

#include <fmt/format.h>

#include <future>
#include <memory>
#include <random>
#include <utility>

#include "race/gate/schema.hpp"
#include "race/gate/writer.hpp"
#include "race/loss.hpp"
#include "race/rounds.hpp"
#include "race/start_line.hpp"

namespace ratchet::cli::gate {

namespace {

// One variant: its table, its writers and what they came to.
class contest {
 public:
  contest(const options &asked, variant kind, std::mt19937_64 &random)
      : options_(asked),
        random_(random),
        schema_(asked.dsn, kind, new_tag(), asked.keep),
        submitter_(asked, schema_.name(), "submitter") {
    for (int i = 1; i <= asked.writers; ++i) {
      const std::string who = asked.writers == 1 ? "saver" : fmt::format("saver {}", i);
      savers_.push_back(std::make_unique<writer>(asked, schema_.name(), who));
    }
    report_.kind = kind;
    report_.schema = schema_.name();
  }

  void round(int number);

  const gate::report &report() const { return report_; }

 private:
  std::pair<writing, std::vector<writing>> meet(std::int64_t id, int number);

  const options &options_;
  std::mt19937_64 &random_;
  schema schema_;
  writer submitter_;
  std::vector<std::unique_ptr<writer>> savers_;
  gate::report report_;
};

void contest::round(int number) {
  const auto id = schema_.new_scorecard(number);
  const auto [submission, saves] = meet(id, number);
  const auto after = schema_.look(id);
  const auto found = judge(submission, saves, after);
  ++report_.rounds;
  report_.lost_submissions += found.submission_lost ? 1 : 0;
  report_.lost_comments += found.comment_lost ? 1 : 0;
  report_.overwritten += found.overwritten ? 1 : 0;
  report_.guarded += found.guarded ? 1 : 0;
  if (report_.failed_round != 0 || !(found.lost() || number == 1 || (found.guarded && report_.guarded == 1))) return;
  report_.number = number;
  report_.timeline = timeline(submission, saves, after);
  if (!found.lost()) return;
  report_.failed_round = number;
  if (found.submission_lost) report_.loss = explain_undone(report_.timeline, submission.who);
}

// All writers at once: the submission, and the saves.
std::pair<writing, std::vector<writing>> contest::meet(std::int64_t id, int number) {
  start_line line{options_.writers + 1};
  auto submission = std::async(std::launch::async, [&, pause = think_time(options_, random_)] {
    return submitter_.submit({id, pause, line.arrive_and_wait()}, report_.kind);
  });
  std::vector<std::future<writing>> running;
  for (std::size_t i = 0; i < savers_.size(); ++i) {
    running.push_back(std::async(std::launch::async, [&, i, pause = think_time(options_, random_)] {
      return savers_[i]->save_stale({id, pause, line.arrive_and_wait()},
                                    fmt::format("round {}, comment {}", number, i + 1));
    }));
  }
  std::vector<writing> saves;
  for (auto &saver : running) saves.push_back(saver.get());
  return {submission.get(), std::move(saves)};
}

}  // namespace

std::vector<report> run_race(const options &asked, const std::function<void(variant, int)> &progress,
                             const std::atomic<bool> &stop) {
  return run_rounds<contest>(asked, progress, stop);
}

}  // namespace ratchet::cli::gate
