#include "race/jobs/writer.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <thread>
#include <utility>

#include "race/jobs/judge.hpp"

namespace ratchet::cli::jobs {

namespace {

constexpr const char *result = "all fine";

std::string describe(const row_image &image) {
  return describe(job_version{*image.at("status"), std::stoi(*image.at("progress")), image.at("result"), {}});
}

}  // namespace

writer::writer(const race_settings &settings, std::string schema, std::string who, variant kind)
    : race_connection(settings.dsn),
      network_(settings.delay),
      notices_(connection_),
      schema_(std::move(schema)),
      who_(std::move(who)),
      kind_(kind) {}

void writer::begin(const job_write &task) {
  if (kind_ == variant::calls) return call_advance(task, {jobs(), task.id, "running"});
  save(task, [](row_image &job) { job["status"] = "running"; });
}

void writer::finish(const job_write &task) {
  if (kind_ == variant::calls) {
    return call_advance(task, ratchet::advance(jobs(), task.id, "done").set("progress", 100).set("result", result));
  }
  save(task, [](row_image &job) {
    job["status"] = "done";
    job["progress"] = "100";
    job["result"] = result;
  });
}

void writer::advance_to(const job_write &task, int percent) {
  if (kind_ == variant::calls) {
    call_beat(task, ratchet::beat(jobs(), task.id).set("progress", percent), fmt::format(" with {} %", percent));
    return;
  }
  save(task, [&](row_image &job) { job["progress"] = std::to_string(percent); });
}

bool writer::beat(const job_write &task) {
  if (kind_ == variant::calls) return call_beat(task, {jobs(), task.id}, "");
  save(task, [](row_image &job) { job["alive_at"] = "now"; });
  return true;
}

std::vector<event> writer::take_events() { return std::exchange(events_, {}); }

// Reads the row, thinks, changes what is meant to change, and writes all of it.
void writer::save(const job_write &task, const std::function<void(row_image &)> &change) {
  row_image job;
  {
    pqxx::nontransaction session{connection_};
    job = network_.trip([&] { return read_row(session, jobs(), task.id); });
  }
  add(task, "read: " + describe(job), act::read, std::stoi(*job.at("progress")));
  std::this_thread::sleep_for(task.think);
  change(job);
  slow_work work{connection_, network_};
  work.trip([&](auto &tx) { return save_row(tx, jobs(), task.id, job, "id"); });
  work.commit();
  add(task, "saved the whole row: " + describe(job), act::wrote, std::stoi(*job.at("progress")));
  if (const auto notice = notices_.take(); !notice.empty()) add(task, "was told: " + notice);
}

void writer::call_advance(const job_write &task, const ratchet::advance &call) {
  std::this_thread::sleep_for(task.think);
  slow_work work{connection_, network_};
  const auto answer = work.trip([&](auto &tx) { return call.run(tx); });
  work.commit();
  if (answer.outcome != advance_outcome::advanced) {
    throw std::runtime_error("ratchet.advance() of a job that nobody else moves answered " + answer.outcome_text);
  }
  add(task, fmt::format("called ratchet.advance(): {} to {}", answer.outcome_text, answer.state.value_or("?")),
      act::wrote);
}

bool writer::call_beat(const job_write &task, const ratchet::beat &call, const std::string &with) {
  std::this_thread::sleep_for(task.think);
  slow_work work{connection_, network_};
  const auto answer = work.trip([&](auto &tx) { return call.run(tx); });
  work.commit();
  add(task, fmt::format("called ratchet.beat(){}: {}", with, answer.outcome_text), act::wrote);
  return answer.outcome == beat_outcome::alive;
}

void writer::add(const job_write &task, std::string what, act kind, std::optional<std::int64_t> progress) {
  events_.push_back({ms_since(task.start), who_, std::move(what), kind, progress});
}

}  // namespace ratchet::cli::jobs
