#include "race/jobs/handover.hpp"

#include <future>
#include <stdexcept>

#include "race/rounds.hpp"
#include "race/start_line.hpp"

namespace ratchet::cli::jobs {

handover::handover(const options &asked, const std::string &schema, variant kind, std::mt19937_64 &random)
    : options_(asked),
      random_(random),
      first_(asked, schema, "worker 1", kind),
      second_(asked, schema, "worker 2", kind),
      sweeper_(asked, schema, "sweeper", kind) {}

handed_job handover::run(std::int64_t id) {
  handed_job job;
  const auto start = start_line::clock::now();
  const auto task = [&] { return job_write{id, think_time(options_, random_), start}; };
  // Both ask at once. What `with` answers is the other's, on a thread of its own.
  const auto together = [](const auto &with, const auto &own) {
    start_line line{2};
    auto other = std::async(std::launch::async, [&] {
      line.arrive_and_wait();
      return with();
    });
    line.arrive_and_wait();
    const bool answer = own();
    return std::pair{other.get(), answer};
  };

  const auto [second_has_it, first_has_it] =
      together([&, t = task()] { return second_.take(t, 1); }, [&, t = task()] { return first_.take(t, 1); });
  job.takers = (first_has_it ? 1 : 0) + (second_has_it ? 1 : 0);
  if (job.takers == 0) throw std::runtime_error("of two workers that took a queued job, none has it");

  auto &displaced = first_has_it ? first_ : second_;
  auto &successor = first_has_it ? second_ : first_;
  displaced.begin(task());
  sweeper_.sweep(task());
  if (!successor.take(task(), 2)) throw std::runtime_error("a job that was swept could not be taken over");
  successor.begin(task());
  const auto [late, finished] =
      together([&, t = task()] { return displaced.finish(t); }, [&, t = task()] { return successor.finish(t); });
  job.displaced = displaced.who();
  job.successor = successor.who();
  job.late_success = late;
  job.finished = finished;
  job.expected = successor.result();
  for (auto *worker : {&first_, &second_, &sweeper_}) {
    const auto own = worker->take_events();
    job.events.insert(job.events.end(), own.begin(), own.end());
  }
  return job;
}

}  // namespace ratchet::cli::jobs
