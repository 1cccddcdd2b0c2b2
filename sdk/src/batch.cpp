#include <algorithm>
#include <numeric>
#include <ratchet/batch.hpp>
#include <ratchet/error.hpp>
#include <unordered_map>

#include "answer.hpp"
#include "call.hpp"
#include "text.hpp"

namespace ratchet {

namespace {

// Everything is named with its schema and cast, so that neither a search_path nor overload resolution has a say.
constexpr const char *sql =
    "SELECT r.outcome, r.inserted, r.duplicates, r.progress, r.conflict"
    " FROM ratchet.submit_batch($1::pg_catalog.regclass, $2::pg_catalog.jsonb, $3::pg_catalog.bool) AS r";

// Where each record of what is sent stands in the batch.
using places = std::vector<std::size_t>;

places in_order(const std::vector<std::string> &records, const std::vector<std::string> &columns) {
  places result(records.size());
  std::iota(result.begin(), result.end(), std::size_t{0});
  if (columns.empty()) return result;
  std::vector<nlohmann::json> keys;
  for (const auto &record : records) {
    const auto object = nlohmann::json::parse(record);
    auto &key = keys.emplace_back(nlohmann::json::array());
    for (const auto &column : columns) key.push_back(object.value(column, nlohmann::json{}));
  }
  std::stable_sort(result.begin(), result.end(), [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  return result;
}

std::string array_of(const std::vector<std::string> &records, const std::size_t *first, const std::size_t *last) {
  std::size_t size = 2;
  for (const auto *place = first; place != last; ++place) size += records[*place].size() + 1;
  std::string result;
  result.reserve(size);
  result = "[";
  for (const auto *place = first; place != last; ++place) {
    if (place != first) result += ',';
    result += records[*place];
  }
  return result += ']';
}

// Where a parent stands in the progress, by its table and key.
using parent_places = std::unordered_map<std::string, std::size_t>;

// A parent that several chunks have in common stands once, as the last of them left it.
void merge(std::vector<parent_progress> &all, parent_places &places, std::vector<parent_progress> more) {
  for (auto &parent : more) {
    const auto name = parent.parent + '\0' + parent.key.dump();  // no table's name has a NUL
    const auto [place, is_new] = places.try_emplace(name, all.size());
    if (is_new) {
      all.push_back(std::move(parent));
    } else {
      all[place->second] = std::move(parent);
    }
  }
}

// What several chunks come to: `stored` or `duplicates` where every one is, `full` where any is, otherwise `partial`.
std::string_view merged(std::string_view before, std::string_view text) {
  const auto is = [&](batch_outcome outcome) { return batch_outcome_from(text) == outcome; };
  const auto was = [&](batch_outcome outcome) { return batch_outcome_from(before) == outcome; };
  if (text == before || was(batch_outcome::unknown) || was(batch_outcome::full)) return before;
  if (is(batch_outcome::unknown) || is(batch_outcome::full)) return text;
  return to_string(batch_outcome::partial);
}

// Adds the answer to a chunk to that of the chunks before, whose records are the first `done`.
void merge(batch_result &all, parent_places &parents, const rows &answer, const std::size_t *place, std::size_t done) {
  const auto &line = detail::single(answer, 5);
  const auto text = line[0].value_or("");
  all.outcome_text = done == 0 ? text : std::string(merged(all.outcome_text, text));
  all.outcome = batch_outcome_from(all.outcome_text);
  if (line[4]) all.conflict = *line[4];
  all.inserted += detail::number(line[1]);
  for (auto &each : detail::duplicates(line[2])) {
    each.index = place[each.index];
    if (each.same_as) each.same_as = place[*each.same_as];
    all.duplicates.push_back(std::move(each));
  }
  merge(all.progress, parents, detail::parents(line[3]));
}

}  // namespace

batch::batch(std::string child) : child_(detail::checked(std::move(child), "a table name")) {}

batch &batch::add(const nlohmann::json &record) {
  detail::check_object(record, "a record");
  records_.push_back(detail::serialized(record));
  return *this;
}

batch &batch::with_progress(bool asked) {
  flush_ = asked;
  return *this;
}

batch &batch::chunk(std::size_t records) {
  if (records == 0) throw error(error_kind::argument, "a chunk of no records", "22023");
  chunk_ = records;
  return *this;
}

batch &batch::order_by(std::vector<std::string> columns) {
  for (auto &column : columns) column = detail::checked(std::move(column), "a column name");
  order_by_ = std::move(columns);
  return *this;
}

batch &batch::on_progress(std::function<void(const batch_progress &)> report) {
  on_progress_ = std::move(report);
  return *this;
}

batch_result batch::run(pqxx::transaction_base &tx) const {
  return run([&](const statement &what) { return ratchet::run(tx, what); });
}

batch_result batch::run(const std::function<rows(const statement &)> &send) const {
  const auto sent = in_order(records_, order_by_);
  batch_result result;
  parent_places parents;
  std::size_t done = 0;
  do {  // an empty batch is asked, too: its table may not exist
    const auto *first = sent.data() + done;
    const auto length = std::min(chunk_, sent.size() - done);
    const auto answer = send({sql, {child_, array_of(records_, first, first + length), flush_ ? "true" : "false"}});
    merge(result, parents, answer, first, done);
    if (result.outcome == batch_outcome::full)
      break;  // nothing of this chunk was stored, and the next one may be for the same parent
    done += length;
    if (on_progress_) on_progress_({done, sent.size(), result.inserted});
  } while (done < sent.size());
  std::sort(result.duplicates.begin(), result.duplicates.end(),
            [](const duplicate &a, const duplicate &b) { return a.index < b.index; });
  return result;
}

}  // namespace ratchet
