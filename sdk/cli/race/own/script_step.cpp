#include "race/own/script_step.hpp"

#include <fmt/format.h>

#include <ratchet/error.hpp>
#include <regex>
#include <stdexcept>
#include <utility>

#include "race/pause.hpp"
#include "terminal/lines.hpp"

namespace ratchet::cli::own {

namespace {

constexpr unsigned boolean_type = 16;  // pg_type's OID of bool

answered_rows rows_of(const pqxx::result &result) {
  answered_rows table;
  for (int c = 0; c < static_cast<int>(result.columns()); ++c) table.columns.emplace_back(result.column_name(c));
  table.verdict = !table.columns.empty() && result.column_type(0) == boolean_type;
  for (const auto &row : result) {
    auto &values = table.rows.emplace_back();
    for (const auto &field : row)
      values.push_back(field.is_null() ? std::nullopt : std::optional{field.as<std::string>()});
  }
  return table;
}

std::string describe(const answered_rows &table) {
  if (table.rows.empty()) return "no row";
  std::string text;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", table.columns[i], as_literal(table.rows[0][i]));
  }
  return on_one_line(text);
}

void set_variables(const script_statement &statement, const answered_rows &table, variables &known) {
  if (table.rows.size() != 1) {
    throw std::runtime_error(fmt::format("\\gset wants one row, and there are {}", table.rows.size()));
  }
  for (std::size_t i = 0; i < table.columns.size(); ++i) known[statement.prefix + table.columns[i]] = table.rows[0][i];
}

// A fault in the script, or of the connection, is none of the answers that a race has to expect.
bool is_fault(const ratchet::error &e) {
  const auto state = e.sqlstate();
  const auto state_class = state.substr(0, 2);
  return e.kind() == error_kind::connection || e.kind() == error_kind::in_doubt || state_class == "3D" ||
         state_class == "3F" || (state_class == "42" && state != "42501");
}

}  // namespace

bool looks_like_a_write(const std::string &sql) {
  static const std::regex verbs{"\\bratchet\\.(submit|submit_batch|update|advance|beat|amend)\\s*\\(",
                                std::regex::icase};
  static const std::regex statements{"\\b(insert\\s+into|update|delete\\s+from|merge\\s+into|call|do|copy)\\b",
                                     std::regex::icase};
  static const std::regex query{"^select\\b", std::regex::icase};  // which may say FOR UPDATE
  return std::regex_search(sql, verbs) || (!std::regex_search(sql, query) && std::regex_search(sql, statements));
}

script_step::script_step(const std::string &path, const surroundings &around)
    : script_(read_script(path)), connection_(around.dsn), notices_(connection_), network_(around.delay) {
  pqxx::nontransaction session{connection_};
  const auto limit = around.limit.count();
  session.exec(fmt::format(
      "SET statement_timeout = {}; SET lock_timeout = {}; SET application_name = 'pg_ratchet race'", limit, limit));
}

step_answer script_step::run(const std::string &who, const variables &known,
                             std::chrono::steady_clock::time_point start, const std::atomic<bool> &stop) {
  performance now{who, known, start, stop, {}};
  for (const auto &statement : script_.statements) {
    if (!attempt(statement, now)) return std::move(now.answer);
  }
  expect_no_transaction();
  return std::move(now.answer);
}

// One statement. False if it failed as statements of a race may.
bool script_step::attempt(const script_statement &statement, performance &now) {
  const auto told = [&](const std::string &message) {
    return fmt::format("{}: {}\n  {}", place_of(script_, statement), first_line(message), on_one_line(statement.text));
  };
  try {
    perform(statement, now);
    return true;
  } catch (const interrupted &) {
    roll_back();
    throw;
  } catch (const ratchet::error &e) {
    roll_back();
    if (is_fault(e)) throw std::runtime_error(told(e.what()));
    now.answer.failure = first_line(e.what());
    now.add("failed: " + now.answer.failure, act::failed);
    return false;
  } catch (const std::runtime_error &e) {
    roll_back();
    throw std::runtime_error(told(e.what()));
  }
}

void script_step::perform(const script_statement &statement, performance &now) {
  if (statement.sleeps) return pause_for(sleep_time(statement.text, now.known), now.stop);
  if (now.stop) throw interrupted{};
  const auto sql = with_variables(statement.text, now.known);
  const auto rows = rows_of(send(sql));
  const auto shown = on_one_line(sql);
  if (looks_like_a_write(sql)) {
    now.add(rows.columns.empty() ? shown : shown + ": " + describe(rows), act::wrote);
  } else if (rows.columns.empty()) {
    now.add(shown, act::note);
  } else {
    now.add("read: " + describe(rows), act::read);
  }
  if (const auto notice = notices_.take(); !notice.empty()) now.add("was told: " + notice, act::note);
  if (statement.gset) {
    set_variables(statement, rows, now.known);
  } else if (!rows.columns.empty()) {
    now.answer.answered = rows;
  }
}

void script_step::performance::add(std::string what, act kind) {
  answer.events.push_back({ms_since(start), who, std::move(what), kind});
}

pqxx::result script_step::send(const std::string &sql) {
  try {
    pqxx::nontransaction session{connection_};
    return network_.trip([&] { return session.exec(sql); });
  } catch (...) {
    rethrow_as_error();
  }
}

// At once, because others may wait for what the transaction has locked.
void script_step::roll_back() noexcept {
  try {
    pqxx::nontransaction session{connection_};
    session.exec("ROLLBACK");
    notices_.take();                  // that there was none
  } catch (const std::exception &) {  // the connection is lost, and the transaction with it
  }
}

// The next round begins outside of any transaction. In one, now() is the time at which it began.
void script_step::expect_no_transaction() {
  const bool open = [this] {
    pqxx::nontransaction session{connection_};
    return session.exec("SELECT pg_catalog.now() < pg_catalog.statement_timestamp()")[0][0].as<bool>();
  }();
  if (!open) return;
  roll_back();
  throw std::runtime_error(script_.name + ": leaves a transaction open: COMMIT or ROLLBACK is missing");
}

}  // namespace ratchet::cli::own
