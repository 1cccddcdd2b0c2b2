#include "race/counters/writer.hpp"

#include <fmt/format.h>

#include <ratchet/ratchet.hpp>
#include <stdexcept>
#include <thread>
#include <utility>

#include "pqxx_seam.hpp"

namespace ratchet::cli::counters {

namespace {

// Every third answer is right.
bool is_correct(int question) { return question % 3 == 0; }

int correct_in(const result_batch &batch) {
  int correct = 0;
  for (int i = 0; i < batch.size; ++i) correct += is_correct(batch.first + i) ? 1 : 0;
  return correct;
}

}  // namespace

writer::writer(const race_settings &settings, std::string schema, std::string who)
    : race_connection(settings.dsn), network_(settings.delay), schema_(std::move(schema)), who_(std::move(who)) {}

void writer::store(variant kind, const result_batch &batch) {
  switch (kind) {
    case variant::increment:
      return increment(batch);
    case variant::recount:
      return recount(batch);
    case variant::refresh:
      return refresh(batch);
    case variant::tally:
      return call_submit_batch(batch);
  }
}

std::vector<event> writer::take_events() { return std::exchange(events_, {}); }

void writer::increment(const result_batch &batch) {
  image run;
  {
    pqxx::nontransaction session{connection_};
    run = network_.trip([&] { return read(session, batch); });
  }
  std::this_thread::sleep_for(batch.think);
  slow_work work{connection_, network_};
  work.trip([&](auto &tx) { insert(tx, batch); });
  run.evaluated_count += batch.size;
  run.correct_count += correct_in(batch);
  save(work, batch, run);
  work.commit();
}

void writer::recount(const result_batch &batch) {
  slow_work work{connection_, network_};
  work.trip([&](auto &tx) { insert(tx, batch); });
  auto run = work.trip([&](auto &tx) { return read(tx, batch); });
  work.trip([&](auto &tx) { count(tx, batch, run); });
  std::this_thread::sleep_for(batch.think);
  save(work, batch, run);
  work.commit();
}

void writer::refresh(const result_batch &batch) {
  {
    slow_work work{connection_, network_};
    work.trip([&](auto &tx) { insert(tx, batch); });
    work.commit();
  }
  slow_work work{connection_, network_};
  auto run = work.trip([&](auto &tx) { return read(tx, batch); });
  work.trip([&](auto &tx) { count(tx, batch, run); });
  std::this_thread::sleep_for(batch.think);
  save(work, batch, run);
  work.commit();
}

void writer::call_submit_batch(const result_batch &batch) {
  std::this_thread::sleep_for(batch.think);
  ratchet::batch records{schema_ + ".results"};
  for (int i = 0; i < batch.size; ++i) {
    const int question = batch.first + i;
    records.add({{"run_id", batch.run}, {"question_id", question}, {"is_correct", is_correct(question)}});
  }
  slow_work work{connection_, network_};
  const auto result = work.trip([&](auto &tx) { return records.with_progress().run(tx); });
  work.commit();
  if (result.outcome != batch_outcome::stored) {
    throw std::runtime_error("ratchet.submit_batch() of new rows answered " + result.outcome_text);
  }
  add(batch, fmt::format("called ratchet.submit_batch(): {} {}", result.inserted, result.outcome_text), act::wrote);
  for (const auto &run : result.progress) {
    add(batch, fmt::format("was told: count {} of {}{}", run.count("evaluated_count").value_or(0),
                           run.count("total").value_or(0), run.done.value_or(false) ? ", completed" : ""));
  }
}

writer::image writer::read(pqxx::transaction_base &tx, const result_batch &batch) {
  const auto answer = detail::execute(
      tx, fmt::format("SELECT total, evaluated_count, correct_count, is_completed FROM {}.runs WHERE id = $1", schema_),
      {std::to_string(batch.run)});
  image run;
  run.total = answer[0][0].as<int>();
  run.evaluated_count = answer[0][1].as<int>();
  run.correct_count = answer[0][2].as<int>();
  run.is_completed = answer[0][3].as<bool>();
  add(batch, fmt::format("read the run: count {} of {}", run.evaluated_count, run.total), act::read,
      run.evaluated_count);
  return run;
}

void writer::insert(pqxx::transaction_base &tx, const result_batch &batch) {
  std::string rows;
  for (int i = 0; i < batch.size; ++i) {
    const int question = batch.first + i;
    rows += fmt::format("{}({}, {}, {})", rows.empty() ? "" : ", ", batch.run, question, is_correct(question));
  }
  tx.exec(fmt::format("INSERT INTO {}.results (run_id, question_id, is_correct) VALUES {}", schema_, rows));
  add(batch, fmt::format("stored {} results", batch.size), act::wrote);
}

void writer::count(pqxx::transaction_base &tx, const result_batch &batch, image &run) {
  const auto answer = detail::execute(
      tx, fmt::format("SELECT count(*), count(*) FILTER (WHERE is_correct) FROM {}.results WHERE run_id = $1", schema_),
      {std::to_string(batch.run)});
  run.evaluated_count = answer[0][0].as<int>();
  run.correct_count = answer[0][1].as<int>();
  add(batch, fmt::format("counted {} results", run.evaluated_count), act::read, run.evaluated_count);
}

// Saves what the application holds; completes the run if it is the one that reaches the total, as far as it knows.
void writer::save(slow_work &work, const result_batch &batch, image run) {
  const bool completes = !run.is_completed && run.evaluated_count >= run.total;
  run.is_completed = run.is_completed || completes;
  work.trip([&](auto &tx) {
    return detail::execute(
        tx,
        fmt::format("UPDATE {}.runs SET evaluated_count = $2, correct_count = $3, is_completed = $4 WHERE id = $1",
                    schema_),
        {std::to_string(batch.run), std::to_string(run.evaluated_count), std::to_string(run.correct_count),
         run.is_completed ? "true" : "false"});
  });
  add(batch, fmt::format("saved the run: count {} of {}", run.evaluated_count, run.total), act::wrote,
      run.evaluated_count);
  if (!completes) return;
  work.trip(
      [&](auto &tx) { return tx.exec(fmt::format("INSERT INTO {}.completions VALUES ({})", schema_, batch.run)); });
  add(batch, completed_the_run);
}

void writer::add(const result_batch &batch, std::string what, act kind, std::optional<std::int64_t> count) {
  events_.push_back({ms_since(batch.start), who_, std::move(what), kind, count});
}

}  // namespace ratchet::cli::counters
