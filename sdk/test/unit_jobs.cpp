// The verdict on a job of `pg_ratchet race --jobs`: what it must find, and what it must not call wrong.
#include <gtest/gtest.h>

#include "race/jobs/judge.hpp"
#include "race/jobs/report.hpp"

namespace ratchet::cli::jobs {
namespace {

// The history of a job that everything is right with: a later heartbeat after its end is fine, too.
std::vector<job_version> intact() {
  return {{"queued", 0, {}, {}},  {"running", 0, {}, {}},   {"running", 20, {}, 5},
          {"running", 20, {}, 7}, {"done", 100, "fine", 7}, {"done", 100, "fine", 8}};
}

// What the verdict on one job is.
jobs::report judged(const std::vector<job_version> &versions) {
  jobs::report report;
  const bool first = judge(versions, 3, report);
  EXPECT_EQ(first, report.failed());
  EXPECT_EQ(report.failed_round, report.failed() ? 3 : 0);
  EXPECT_EQ(report.jobs, 1);
  return report;
}

TEST(jobs, intact_job_is_fine) {
  const auto report = judged(intact());
  EXPECT_FALSE(report.failed());
  EXPECT_EQ(report.heartbeats, 3);
}

TEST(jobs, progress_that_jumps_back_is_found_although_it_recovers) {
  auto versions = intact();
  versions.insert(versions.begin() + 3, {"running", 10, {}, 5});
  const auto report = judged(versions);
  EXPECT_EQ(report.went_back, 1);
  EXPECT_EQ(report.changed + report.not_done + report.lost_heartbeats, 0);
}

TEST(jobs, any_change_after_the_end_is_found) {
  for (const auto &late : {job_version{"running", 100, "fine", 8}, job_version{"done", 90, "fine", 8},
                           job_version{"done", 100, {}, 8}, job_version{"failed", 100, "fine", 8}}) {
    auto versions = intact();
    versions.push_back(late);
    EXPECT_EQ(judged(versions).changed, 1);
    EXPECT_EQ(judged(versions).not_done, 1);
    versions.push_back(intact().back());  // and back again
    EXPECT_EQ(judged(versions).changed, 1);
    EXPECT_EQ(judged(versions).not_done, 0);
  }
}

TEST(jobs, state_that_goes_back_before_the_end_is_no_change_of_a_finished_job) {
  auto versions = intact();
  versions.insert(versions.begin() + 2, {"queued", 0, {}, {}});
  EXPECT_FALSE(judged(versions).failed());
}

TEST(jobs, heartbeats_that_are_undone_are_counted_one_by_one) {
  const std::vector<job_version> versions{
      {"running", 0, {}, {}},  {"running", 0, {}, 5}, {"running", 0, {}, {}},  // undone
      {"running", 0, {}, 6},   {"running", 0, {}, 9}, {"running", 20, {}, 6},  // undone
      {"done", 100, "fine", 6}};
  const auto report = judged(versions);
  EXPECT_EQ(report.heartbeats, 3);
  EXPECT_EQ(report.lost_heartbeats, 2);
  EXPECT_EQ(report.went_back + report.changed + report.not_done, 0);
}

TEST(jobs, job_must_be_left_done_with_everything) {
  for (const auto &last : {job_version{"running", 100, "fine", 7}, job_version{"done", 80, "fine", 7},
                           job_version{"done", 100, {}, 7}, job_version{"failed", 100, "fine", 7}}) {
    EXPECT_EQ(judged({{"queued", 0, {}, {}}, last}).not_done, 1);
  }
  EXPECT_EQ(judged({}).not_done, 1);
}

// A job that went to one worker, then to the other, whose result it has.
handed_job handed_over() {
  handed_job job;
  job.takers = 1;
  job.displaced = "worker 1";
  job.successor = "worker 2";
  job.finished = true;
  job.expected = "by worker 2";
  job.status = "done";
  job.result = "by worker 2";
  return job;
}

jobs::report judged(const handed_job &job) {
  jobs::report report;
  const bool first = judge(job, 3, report);
  EXPECT_EQ(first, report.failed());
  EXPECT_EQ(report.failed_round, report.failed() ? 3 : 0);
  return report;
}

TEST(jobs, handover_of_which_everybody_knows_is_fine) { EXPECT_FALSE(judged(handed_over()).failed()); }

TEST(jobs, job_that_two_workers_have_is_found) {
  auto job = handed_over();
  job.takers = 2;
  const auto report = judged(job);
  EXPECT_EQ(report.taken_twice, 1);
  EXPECT_EQ(report.displaced_wrote, 0);
  EXPECT_EQ(report.handovers.size(), 1U);
}

TEST(jobs, write_of_a_displaced_worker_is_found) {
  auto answered = handed_over();  // and written over by the other, so that the row does not show it
  answered.late_success = true;
  auto overwritten = handed_over();  // behind an answer that says otherwise
  overwritten.result = "by worker 1";
  auto gone = handed_over();
  gone.result = {};
  auto open = handed_over();
  open.status = "running";
  auto refused = handed_over();  // it was its job
  refused.finished = false;
  for (const auto &job : {answered, overwritten, gone, open, refused}) {
    EXPECT_EQ(judged(job).displaced_wrote, 1);
    EXPECT_EQ(judged(job).taken_twice, 0);
  }
}

TEST(jobs, first_handover_that_failed_is_told) {
  jobs::report report;
  auto job = handed_over();
  job.takers = 2;
  job.late_success = true;
  EXPECT_TRUE(judge(job, 5, report));
  EXPECT_FALSE(judge(job, 6, report));
  EXPECT_EQ(report.taken_twice, 2);
  EXPECT_EQ(report.displaced_wrote, 2);
  ASSERT_EQ(report.handovers.size(), 2U);
  EXPECT_EQ(report.handovers[0],
            "naive, round 5: worker 1 and worker 2 took the job at once, and both were answered that it is theirs.");
  EXPECT_EQ(report.handovers[1],
            "naive, round 5: worker 1 had stalled and worker 2 had the job; worker 1 wrote its result, was answered "
            "success, and the job has the result of worker 2.");
}

TEST(jobs, first_round_that_failed_stays) {
  jobs::report report;
  auto versions = intact();
  EXPECT_FALSE(judge(versions, 4, report));
  versions.pop_back();
  versions.push_back({"running", 20, {}, 7});
  EXPECT_TRUE(judge(versions, 5, report));
  EXPECT_FALSE(judge(versions, 6, report));  // not the first
  EXPECT_EQ(report.failed_round, 5);
  EXPECT_EQ(report.jobs, 3);
  EXPECT_EQ(report.changed, 2);
}

TEST(jobs, timeline_follows_the_clock) {
  std::string text;
  for (const auto &e : timeline({{2, "b", "saved"}, {1, "a", "read"}}, intact().back()))
    text += e.who + " " + e.what + ";";
  EXPECT_EQ(text, "a read;b saved;job is now done, 100 %, with its result;");
}

TEST(jobs, only_a_guarded_variant_fails_the_race) {
  jobs::report report;
  report.went_back = 1;
  EXPECT_FALSE(ratchet_failed({report}));
  for (const auto kind : {variant::guard, variant::calls}) {
    report.kind = kind;
    EXPECT_TRUE(ratchet_failed({jobs::report{}, report}));
    EXPECT_FALSE(as_json({}, {report}).at("ok").get<bool>());
  }
  report.went_back = 0;
  EXPECT_FALSE(ratchet_failed({report}));
  for (int jobs::report::*loss :
       {&jobs::report::lost_heartbeats, &jobs::report::taken_twice, &jobs::report::displaced_wrote}) {
    auto lost = report;
    lost.*loss = 1;
    EXPECT_TRUE(ratchet_failed({lost}));
  }
}

TEST(jobs, variants_have_names_and_needs) {
  EXPECT_EQ(to_string(variant::naive), "naive");
  EXPECT_EQ(to_string(variant::guard), "guard");
  EXPECT_EQ(to_string(variant::calls), "calls");
  EXPECT_FALSE(uses_ratchet({variant::naive}));
  EXPECT_TRUE(uses_ratchet({variant::naive, variant::guard}));
  EXPECT_TRUE(uses_ratchet({variant::calls}));
}

TEST(jobs, report_tells_every_number_and_the_end_of_the_timeline) {
  jobs::report report;
  report.kind = variant::guard;
  report.schema = "s1";
  report.jobs = 60;
  report.went_back = 11;
  report.changed = 12;
  report.not_done = 13;
  report.heartbeats = 140;
  report.lost_heartbeats = 15;
  report.taken_twice = 16;
  report.displaced_wrote = 17;
  report.handovers = {"it was so"};
  report.failed_round = 7;
  for (int i = 1; i <= 20; ++i) report.timeline.push_back({1.0 * i, "worker", "did " + std::to_string(i)});
  options asked;
  asked.keep = true;
  const auto text = as_text(tell(asked, {report}));
  std::size_t from = text.find("guard  ");
  for (const char *number : {" 60", " 11", " 12", " 13", " 140", " 15", " 16", " 17\n"}) {
    from = text.find(number, from);
    ASSERT_NE(from, std::string::npos) << number << " in\n" << text;
  }
  EXPECT_NE(text.find("round 7\n              ... 4 events left out\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("did 4\n"), std::string::npos);
  EXPECT_NE(text.find("did 20\n"), std::string::npos);
  EXPECT_NE(text.find("it was so\nkept: schema s1\n"), std::string::npos);

  EXPECT_NE(
      text.find("With ratchet, of 60 jobs, the progress of 11 went back, 12 changed when they were done, and 16 were "
                "taken twice.\n"),
      std::string::npos)
      << text;
  const auto one = as_json(asked, {report}).at("variants").at(0);
  EXPECT_EQ(one.at("jobs"), 60);
  EXPECT_EQ(one.at("went_back"), 11);
  EXPECT_EQ(one.at("changed_when_done"), 12);
  EXPECT_EQ(one.at("not_done"), 13);
  EXPECT_EQ(one.at("heartbeats"), 140);
  EXPECT_EQ(one.at("heartbeats_lost"), 15);
  EXPECT_EQ(one.at("taken_twice"), 16);
  EXPECT_EQ(one.at("displaced_wrote"), 17);
  EXPECT_EQ(one.at("handovers").at(0), "it was so");
  EXPECT_EQ(one.at("timeline").size(), 20U);
  EXPECT_EQ(one.at("schema"), "s1");
}

}  // namespace
}  // namespace ratchet::cli::jobs
