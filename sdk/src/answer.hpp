// What the server answered, read. A newer server may say more than this library knows; what it says less of is an
// error.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <ratchet/batch.hpp>
#include <ratchet/progress.hpp>
#include <ratchet/timestamp.hpp>
#include <string>
#include <vector>

namespace ratchet::detail {

// A text that may be SQL NULL: what goes to the server, and what comes back.
using nullable = std::optional<std::string>;

// All of these throw error (other) for a text that has not the form that the extension gives it.

// A jsonb column.
std::optional<nlohmann::json> document(const nullable &column);

// A text[] column, sent as a JSON array.
std::vector<std::string> names(const nullable &column);

// A bigint column; 0 for NULL.
std::int64_t number(const nullable &column);

// A bigint column with microseconds.
std::optional<std::chrono::microseconds> duration(const nullable &column);

// A bigint column with microseconds since 1970.
std::optional<timestamp> time(const nullable &column);

// One progress object; nothing for NULL.
std::optional<parent_progress> parent(const nullable &column);

// An array of progress objects; none for NULL.
std::vector<parent_progress> parents(const nullable &column);

// An array of duplicates; none for NULL.
std::vector<duplicate> duplicates(const nullable &column);

}  // namespace ratchet::detail
