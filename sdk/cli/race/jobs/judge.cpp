#include "race/jobs/judge.hpp"

#include <fmt/format.h>

#include <utility>

#include "race/timeline.hpp"

namespace ratchet::cli::jobs {

namespace {

bool has_ended(const job_version &job) { return job.status == "done" || job.status == "failed"; }

bool same_outcome(const job_version &a, const job_version &b) {
  return a.status == b.status && a.progress == b.progress && a.result == b.result;
}

bool is_done(const job_version &job) { return job.status == "done" && job.progress == 100 && job.result; }

}  // namespace

bool judge(const std::vector<job_version> &versions, int round, jobs::report &report) {
  bool went_back = false;
  bool changed = false;
  int lost = 0;
  const job_version *end = nullptr;  // the version that it has ended with
  for (std::size_t i = 1; i < versions.size(); ++i) {
    const auto &before = versions[i - 1];
    const auto &after = versions[i];
    if (end == nullptr && has_ended(before)) end = &before;
    went_back = went_back || after.progress < before.progress;
    changed = changed || (end != nullptr && !same_outcome(after, *end));
    lost += after.alive_at < before.alive_at ? 1 : 0;  // no heartbeat at all is less than any
    report.heartbeats += before.alive_at < after.alive_at ? 1 : 0;
  }
  const bool not_done = versions.empty() || !is_done(versions.back());
  ++report.jobs;
  report.went_back += went_back ? 1 : 0;
  report.changed += changed ? 1 : 0;
  report.not_done += not_done ? 1 : 0;
  report.lost_heartbeats += lost;
  if (report.failed_round != 0 || !(went_back || changed || not_done || lost > 0)) return false;
  report.failed_round = round;
  return true;
}

bool judge(const handed_job &job, int round, jobs::report &report) {
  const bool twice = job.takers > 1;
  const bool overwritten = job.late_success || !job.finished || job.status != "done" || job.result != job.expected;
  if (twice && report.taken_twice == 0) {
    report.handovers.push_back(
        fmt::format("{}, round {}: {} and {} took the job at once, and both were answered that it is theirs.",
                    to_string(report.kind), round, job.displaced, job.successor));
  }
  if (overwritten && report.displaced_wrote == 0) {
    report.handovers.push_back(fmt::format(
        "{}, round {}: {} had stalled and {} had the job; {} wrote its result, {}, and the job has the result of {}.",
        to_string(report.kind), round, job.displaced, job.successor, job.displaced,
        job.late_success ? "was answered success" : "was refused",
        !job.result                  ? "nobody"
        : job.result == job.expected ? job.successor
                                     : job.displaced));
  }
  report.taken_twice += twice ? 1 : 0;
  report.displaced_wrote += overwritten ? 1 : 0;
  if (report.failed_round != 0 || !(twice || overwritten)) return false;
  report.failed_round = round;
  return true;
}

std::vector<event> timeline(std::vector<event> events, const job_version &after) {
  return in_order(std::move(events), "job", "is now " + describe(after));
}

std::string describe(const job_version &job) {
  return fmt::format("{}, {} %, {}", job.status, job.progress, job.result ? "with its result" : "no result");
}

}  // namespace ratchet::cli::jobs
