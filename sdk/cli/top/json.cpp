#include "top/json.hpp"

#include <nlohmann/json.hpp>

namespace ratchet::cli::top {

namespace {

using nlohmann::json;

json text_or_null(const std::string &text) { return text.empty() ? json{} : json(text); }
json number_or_null(const std::optional<double> &number) { return number ? json(*number) : json{}; }

json json_of(const contract &one) {
  json result{{"table", one.table},
              {"kind", one.kind},
              {"parent", text_or_null(one.parent)},
              {"mode", text_or_null(one.mode)},
              {"enabled", one.enabled},
              {"statistics", nullptr}};
  if (!one.seen) return result;
  auto &figures = result["statistics"];
  for (std::size_t i = 0; i < figure_count; ++i) figures[figure_names[i]] = one.seen->counts[i];
  figures["wait_ms"] = one.seen->wait_ms;
  figures["wait_max_ms"] = one.seen->wait_max_ms;
  figures["submit_histogram"] = one.seen->submits;
  return result;
}

json json_of(const run &one) {
  return {{"table", one.table}, {"key", one.key}, {"counted", one.counted}, {"total", one.total}};
}

json json_of(const stuck_row &one) {
  return {{"table", one.table},
          {"key", one.key},
          {"state", text_or_null(one.state)},
          {"age_seconds", number_or_null(one.age_s)}};
}

json json_of(const stale_column &one) {
  return {{"table", one.table},
          {"column", one.column},
          {"kept", one.kept},
          {"rejected", one.rejected},
          {"observed", one.observed},
          {"application", one.application ? json(*one.application) : json{}},
          {"last_at", text_or_null(one.last_at)}};
}

template <typename Row>
json array_of(const std::vector<Row> &all) {
  auto result = json::array();
  for (const auto &one : all) result.push_back(json_of(one));
  return result;
}

}  // namespace

std::string json_text(const sample &seen) {
  const json all{{"database", seen.database},
                 {"server", seen.server},
                 {"at", seen.at_s},
                 {"statistics", seen.statistics},
                 {"stats_reset", text_or_null(seen.reset_at)},
                 {"submit_bounds_ms", seen.bounds_ms},
                 {"contracts", array_of(seen.contracts)},
                 {"runs", array_of(seen.runs)},
                 {"stuck", array_of(seen.stuck)},
                 {"stale_saves", array_of(seen.columns)},
                 {"health", {{"errors", seen.errors}, {"warnings", seen.warnings}}},
                 {"notes", seen.notes}};
  // In a database of another encoding than UTF-8 names may be any bytes.
  return all.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace ratchet::cli::top
