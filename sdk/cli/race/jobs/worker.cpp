#include "race/jobs/worker.hpp"

#include <fmt/format.h>

#include <ratchet/ratchet.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "pqxx_seam.hpp"
#include "terminal/lines.hpp"

namespace ratchet::cli::jobs {

worker::worker(const race_settings &settings, std::string schema, std::string who, variant kind)
    : race_connection(settings.dsn),
      network_(settings.delay),
      schema_(std::move(schema)),
      who_(std::move(who)),
      kind_(kind) {}

bool worker::take(const job_write &task, int attempt) {
  attempt_ = attempt;
  if (kind_ == variant::calls) {
    std::this_thread::sleep_for(task.think);
    return call(task, ratchet::advance(handed(), task.id, "running").set("attempt", attempt).set("worker", who_),
                "took the job");
  }
  begin(task);
  if (job_.at("status") != "queued") return false;
  std::this_thread::sleep_for(task.think);
  job_["status"] = "running";
  job_["attempt"] = std::to_string(attempt);
  job_["worker"] = who_;
  job_["alive_at"] = "now";
  return save(task, "took the job");
}

void worker::begin(const job_write &task) {
  if (kind_ == variant::calls) return;  // it knows its attempt, and saves nothing that it has read
  pqxx::nontransaction session{connection_};
  job_ = network_.trip([&] { return read_row(session, handed(), task.id); });
  add(task, fmt::format("read: {}, attempt {}", *job_.at("status"), *job_.at("attempt")), act::read);
}

bool worker::finish(const job_write &task) {
  std::this_thread::sleep_for(task.think);
  if (kind_ == variant::calls) {
    return call(task, ratchet::advance(handed(), task.id, "done").set("attempt", attempt_).set("result", result()),
                "wrote its result");
  }
  job_["status"] = "done";
  job_["result"] = result();
  return save(task, "wrote its result");
}

void worker::sweep(const job_write &task) {
  slow_work work{connection_, network_};
  const auto moved = work.trip([&](auto &tx) {
    if (kind_ == variant::calls) return ratchet::sweep(handed(), {}, "queued").run(tx).size();
    const auto sql = fmt::format("UPDATE {} SET status = 'queued' WHERE id = $1 AND status = 'running'", handed());
    return static_cast<std::size_t>(detail::execute(tx, sql, {std::to_string(task.id)}).affected_rows());
  });
  work.commit();
  if (moved != 1) throw std::runtime_error(fmt::format("the sweep of a running job moved {} rows", moved));
  add(task, "swept the job: running to queued", act::wrote);
}

std::vector<event> worker::take_events() { return std::exchange(events_, {}); }

// Writes the whole row as it was read, with what was changed. That it is out of date is an answer; any other error ends
// the race.
bool worker::save(const job_write &task, const std::string &what) {
  try {
    slow_work work{connection_, network_};
    work.trip([&](auto &tx) { return save_row(tx, handed(), task.id, job_, "id"); });
    work.commit();
  } catch (const pqxx::sql_error &e) {
    if (kind_of(e.sqlstate()) != error_kind::stale) throw;
    add(task, "was refused: " + on_one_line(first_line(e.what())), act::failed);
    return false;
  }
  add(task, what + ", saving the whole row", act::wrote);
  return true;
}

bool worker::call(const job_write &task, const ratchet::advance &call, const std::string &what) {
  slow_work work{connection_, network_};
  const auto answer = work.trip([&](auto &tx) { return call.run(tx); });
  work.commit();
  if (answer) {
    add(task, fmt::format("{}: ratchet.advance() answered {}", what, answer.outcome_text), act::wrote);
  } else {
    add(task, "was refused: ratchet.advance() answered " + answer.outcome_text, act::failed);
  }
  return static_cast<bool>(answer);
}

void worker::add(const job_write &task, std::string what, act kind) {
  events_.push_back({ms_since(task.start), who_, std::move(what), kind});
}

}  // namespace ratchet::cli::jobs
