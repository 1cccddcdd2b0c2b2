// What a statement answered, as JSON.
#pragma once

#include <ratchet/statement.hpp>
#include <string>
#include <vector>

namespace ratchet::cli {

// An array of objects, a member for each column.
std::string json_text(const rows &answer, const std::vector<std::string> &columns);

}  // namespace ratchet::cli
