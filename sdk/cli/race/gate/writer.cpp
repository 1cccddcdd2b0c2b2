#include "race/gate/writer.hpp"

#include <fmt/format.h>

#include <ratchet/ratchet.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "pqxx_seam.hpp"

namespace ratchet::cli::gate {

namespace {

constexpr const char *source = "web";

void add(writing &done, const assignment &task, std::string what, act kind = act::note) {
  done.events.push_back({ms_since(task.start), done.who, std::move(what), kind});
}

}  // namespace

writer::writer(const race_settings &settings, std::string schema, std::string who)
    : race_connection(settings.dsn),
      network_(settings.delay),
      notices_(connection_),
      schema_(std::move(schema)),
      who_(std::move(who)) {}

writing writer::save_stale(const assignment &task, const std::string &comment) {
  writing done;
  done.who = who_;
  auto image = read_and_think(task, done);
  image["comment"] = comment;
  save(task, image, done);
  return done;
}

writing writer::submit(const assignment &task, variant kind) {
  writing done;
  done.who = who_;
  auto image = read_and_think(task, done);
  if (kind == variant::submit) {
    call_submit(task, done);
  } else {
    image["submitted_at"] = "now";
    image["submitter_user_id"] = submitter_id;
    image["submission_source"] = source;
    save(task, image, done);
  }
  return done;
}

row_image writer::read_and_think(const assignment &task, writing &done) {
  row_image image;
  {
    pqxx::nontransaction session{connection_};
    image = network_.trip([&] { return read_row(session, schema_ + ".scorecards", task.id); });
  }
  add(done, task, "read: " + describe(image["submitted_at"].has_value(), *image["comment"]), act::read);
  std::this_thread::sleep_for(task.think);
  return image;
}

void writer::save(const assignment &task, const row_image &image, writing &done) {
  slow_work work{connection_, network_};
  const auto answer = work.trip([&](auto &tx) {
    return save_row(tx, schema_ + ".scorecards", task.id, image,
                    fmt::format("nextval('{}.tick'), (EXTRACT(epoch FROM submitted_at) * 1000000)::bigint", schema_));
  });
  work.commit();

  done.tick = answer[0][0].as<std::int64_t>();
  done.comment = image.at("comment");
  if (!answer[0][1].is_null()) done.submitted_at = answer[0][1].as<std::int64_t>();
  add(done, task, "saved the whole row: " + describe(image.at("submitted_at").has_value(), *done.comment), act::wrote);
  if (const auto notice = notices_.take(); !notice.empty()) {
    done.guarded = true;
    add(done, task, "was told: " + notice);
  }
}

void writer::call_submit(const assignment &task, writing &done) {
  slow_work work{connection_, network_};
  const auto result = work.trip([&](auto &tx) {
    return ratchet::submission(schema_ + ".scorecards", task.id)
        .actor(submitter_id)
        .set("submission_source", source)
        .run(tx);
  });
  done.tick = work.trip([&](auto &tx) {
    return detail::execute(tx, fmt::format("SELECT nextval('{}.tick')", schema_), {})[0][0].template as<std::int64_t>();
  });
  work.commit();
  if (!result) throw std::runtime_error("ratchet.submit() of a new row answered " + result.outcome_text);
  if (result.submitted_at) done.submitted_at = result.submitted_at->time_since_epoch().count();
  add(done, task, "called ratchet.submit(): " + result.outcome_text, act::wrote);
}

}  // namespace ratchet::cli::gate
