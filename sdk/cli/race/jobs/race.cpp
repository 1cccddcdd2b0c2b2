#include "race/jobs/race.hpp"

#include <future>
#include <random>
#include <thread>

#include "race/jobs/handover.hpp"
#include "race/jobs/judge.hpp"
#include "race/jobs/schema.hpp"
#include "race/jobs/writer.hpp"
#include "race/loss.hpp"
#include "race/rounds.hpp"
#include "race/start_line.hpp"
#include "race/timeline.hpp"

namespace ratchet::cli::jobs {

namespace {

// A flag that is set when it goes, so that nobody who waits for it waits for ever.
class closing {
 public:
  explicit closing(std::atomic<bool> &flag) : flag_(flag) {}
  ~closing() { flag_ = true; }
  closing(const closing &) = delete;
  closing &operator=(const closing &) = delete;

 private:
  std::atomic<bool> &flag_;
};

// One variant: its tables, the three tasks, the workers of the handover, and what they came to.
class contest {
 public:
  contest(const options &asked, variant kind, std::mt19937_64 &random)
      : options_(asked),
        random_(random),
        schema_(asked.dsn, kind, new_tag(), asked.keep),
        main_(asked, schema_.name(), "main task", kind),
        worker_(asked, schema_.name(), "worker", kind),
        heart_(asked, schema_.name(), "heartbeat", kind),
        handover_(asked, schema_.name(), kind, random) {
    report_.kind = kind;
    report_.schema = schema_.name();
  }

  void round(int number);

  const jobs::report &report() const { return report_; }

 private:
  using time_point = start_line::clock::time_point;

  void write_at_once(int number);
  void hand_over(int number);
  void meet(std::int64_t id);
  time_point begin(std::int64_t id, start_line &line);
  void finish(std::int64_t id, time_point start, std::atomic<bool> &finished);
  void keep_beating(std::int64_t id, start_line &line, std::mt19937_64 random, const std::atomic<bool> &finished);
  int percent(int step) const { return 100 * step / options_.steps; }

  const options &options_;
  std::mt19937_64 &random_;
  schema schema_;
  writer main_;
  writer worker_;
  writer heart_;
  handover handover_;
  jobs::report report_;
};

void contest::round(int number) {
  write_at_once(number);
  hand_over(number);
}

void contest::hand_over(int number) {
  const auto id = schema_.new_handed_job();
  auto job = handover_.run(id);
  schema_.read_handed_job(id, job);
  if (!judge(job, number, report_)) return;
  report_.number = number;
  report_.timeline =
      in_order(std::move(job.events), "job", "is now " + job.status + ", result " + job.result.value_or("none"));
  report_.loss = report_.handovers.back();
}

void contest::write_at_once(int number) {
  const auto id = schema_.new_job();
  meet(id);
  std::vector<event> events;
  for (auto *writer : {&main_, &worker_, &heart_}) {
    const auto own = writer->take_events();
    events.insert(events.end(), own.begin(), own.end());
  }
  const auto versions = schema_.history(id);
  const bool failed = judge(versions, number, report_);
  if (!failed && number != 1) return;
  report_.number = number;
  report_.timeline = timeline(std::move(events), versions.back());
  if (failed) report_.loss = explain_setback(report_.timeline);
  if (failed && report_.loss.empty()) report_.loss = explain_undone(report_.timeline, main_.who());
}

// The heartbeat task beats from the start until the main task is through, and one that is under way then goes on: who
// calls it off does not wait for it.
void contest::meet(std::int64_t id) {
  std::atomic<bool> finished = false;
  start_line line{3};
  auto heart = std::async(std::launch::async,
                          [&, random = std::mt19937_64{random_()}] { keep_beating(id, line, random, finished); });
  {
    const closing end{finished};  // before `heart` is waited for, whatever happens
    const auto start = begin(id, line);
    finish(id, start, finished);
  }
  heart.get();
}

// The main task marks the job as running, while the worker has begun already. Answers when they started.
contest::time_point contest::begin(std::int64_t id, start_line &line) {
  auto main = std::async(std::launch::async, [&, pause = think_time(options_, random_)] {
    const auto start = line.arrive_and_wait();
    main_.begin({id, pause, start});
    return start;
  });
  std::vector<std::chrono::microseconds> pauses;
  for (int step = 1; step < options_.steps; ++step) pauses.push_back(think_time(options_, random_));
  auto worker = std::async(std::launch::async, [&] {
    const auto start = line.arrive_and_wait();
    int step = 0;
    for (const auto pause : pauses) worker_.advance_to({id, pause, start}, percent(++step));
  });
  worker.get();
  return main.get();
}

// The worker hands over its result. The main task saves it, while the worker saves its last step.
void contest::finish(std::int64_t id, time_point start, std::atomic<bool> &finished) {
  start_line line{2};
  auto main = std::async(std::launch::async, [&, pause = think_time(options_, random_)] {
    const closing end{finished};
    line.arrive_and_wait();
    main_.finish({id, pause, start});
  });
  auto worker = std::async(std::launch::async, [&, pause = think_time(options_, random_)] {
    line.arrive_and_wait();
    worker_.advance_to({id, pause, start}, 100);
  });
  main.get();
  worker.get();
}

void contest::keep_beating(std::int64_t id, start_line &line, std::mt19937_64 random,
                           const std::atomic<bool> &finished) {
  const auto start = line.arrive_and_wait();
  while (!finished && heart_.beat({id, think_time(options_, random), start})) {
    std::this_thread::sleep_for(think_time(options_, random));
  }
}

}  // namespace

std::vector<report> run_race(const options &asked, const std::function<void(variant, int)> &progress,
                             const std::atomic<bool> &stop) {
  return run_rounds<contest>(asked, progress, stop);
}

}  // namespace ratchet::cli::jobs
