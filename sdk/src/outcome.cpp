#include <array>
#include <ratchet/outcome.hpp>

namespace ratchet {

namespace {

// One row an outcome: everything that is said about it stands in one place.
template <typename Outcome>
struct meaning {
  Outcome outcome;
  std::string_view text;
  int status;
};

constexpr std::array<meaning<submit_outcome>, 10> submit_meanings{{
    {submit_outcome::submitted, "submitted", 201},
    {submit_outcome::replayed, "replayed", 200},
    {submit_outcome::already_submitted, "already_submitted", 409},
    {submit_outcome::key_reused, "key_reused", 422},
    {submit_outcome::conflict, "conflict", 409},
    {submit_outcome::full, "full", 409},
    {submit_outcome::stale, "stale", 412},
    {submit_outcome::not_found, "not_found", 404},
    {submit_outcome::limited, "limited", 429},
    {submit_outcome::unknown, "unknown", 500},
}};

constexpr std::array<meaning<update_outcome>, 6> update_meanings{{
    {update_outcome::updated, "updated", 200},
    {update_outcome::unchanged, "unchanged", 409},
    {update_outcome::kept, "kept", 409},
    {update_outcome::stale, "stale", 412},
    {update_outcome::not_found, "not_found", 404},
    {update_outcome::unknown, "unknown", 500},
}};

constexpr std::array<meaning<batch_outcome>, 5> batch_meanings{{
    {batch_outcome::stored, "stored", 201},
    {batch_outcome::partial, "partial", 207},
    {batch_outcome::duplicates, "duplicates", 409},
    {batch_outcome::full, "full", 409},
    {batch_outcome::unknown, "unknown", 500},
}};

constexpr std::array<meaning<progress_outcome>, 3> progress_meanings{{
    {progress_outcome::found, "found", 200},
    {progress_outcome::not_found, "not_found", 404},
    {progress_outcome::unknown, "unknown", 500},
}};

constexpr std::array<meaning<advance_outcome>, 10> advance_meanings{{
    {advance_outcome::advanced, "advanced", 200},
    {advance_outcome::replayed, "replayed", 200},
    {advance_outcome::already_there, "already_there", 409},
    {advance_outcome::refused, "refused", 409},
    {advance_outcome::key_reused, "key_reused", 422},
    {advance_outcome::conflict, "conflict", 409},
    {advance_outcome::full, "full", 409},
    {advance_outcome::stale, "stale", 412},
    {advance_outcome::not_found, "not_found", 404},
    {advance_outcome::unknown, "unknown", 500},
}};

constexpr std::array<meaning<beat_outcome>, 5> beat_meanings{{
    {beat_outcome::alive, "alive", 200},
    {beat_outcome::finished, "finished", 409},
    {beat_outcome::stale, "stale", 412},
    {beat_outcome::not_found, "not_found", 404},
    {beat_outcome::unknown, "unknown", 500},
}};

constexpr std::array<meaning<amend_outcome>, 4> amend_meanings{{
    {amend_outcome::amended, "amended", 200},
    {amend_outcome::unchanged, "unchanged", 409},
    {amend_outcome::not_found, "not_found", 404},
    {amend_outcome::unknown, "unknown", 500},
}};

// The last row is `unknown`: what a newer server says, and any value that is no enumerator.
template <typename Table>
constexpr const auto &find(const Table &table, std::string_view text) {
  for (const auto &row : table) {
    if (row.text == text) return row;
  }
  return table.back();
}

template <typename Table, typename Outcome>
constexpr const auto &find(const Table &table, Outcome outcome) {
  for (const auto &row : table) {
    if (row.outcome == outcome) return row;
  }
  return table.back();
}

}  // namespace

submit_outcome submit_outcome_from(std::string_view text) noexcept { return find(submit_meanings, text).outcome; }
update_outcome update_outcome_from(std::string_view text) noexcept { return find(update_meanings, text).outcome; }
batch_outcome batch_outcome_from(std::string_view text) noexcept { return find(batch_meanings, text).outcome; }
progress_outcome progress_outcome_from(std::string_view text) noexcept { return find(progress_meanings, text).outcome; }
advance_outcome advance_outcome_from(std::string_view text) noexcept { return find(advance_meanings, text).outcome; }
beat_outcome beat_outcome_from(std::string_view text) noexcept { return find(beat_meanings, text).outcome; }
amend_outcome amend_outcome_from(std::string_view text) noexcept { return find(amend_meanings, text).outcome; }

std::string_view to_string(submit_outcome outcome) noexcept { return find(submit_meanings, outcome).text; }
std::string_view to_string(update_outcome outcome) noexcept { return find(update_meanings, outcome).text; }
std::string_view to_string(batch_outcome outcome) noexcept { return find(batch_meanings, outcome).text; }
std::string_view to_string(progress_outcome outcome) noexcept { return find(progress_meanings, outcome).text; }
std::string_view to_string(advance_outcome outcome) noexcept { return find(advance_meanings, outcome).text; }
std::string_view to_string(beat_outcome outcome) noexcept { return find(beat_meanings, outcome).text; }
std::string_view to_string(amend_outcome outcome) noexcept { return find(amend_meanings, outcome).text; }

int http_status(submit_outcome outcome) noexcept { return find(submit_meanings, outcome).status; }
int http_status(update_outcome outcome) noexcept { return find(update_meanings, outcome).status; }
int http_status(batch_outcome outcome) noexcept { return find(batch_meanings, outcome).status; }
int http_status(progress_outcome outcome) noexcept { return find(progress_meanings, outcome).status; }
int http_status(advance_outcome outcome) noexcept { return find(advance_meanings, outcome).status; }
int http_status(beat_outcome outcome) noexcept { return find(beat_meanings, outcome).status; }
int http_status(amend_outcome outcome) noexcept { return find(amend_meanings, outcome).status; }

}  // namespace ratchet
