// What the answers of a user's own scripts and commands mean. Pure.
#pragma once

#include <optional>
#include <string>

#include "race/own/step.hpp"

namespace ratchet::cli {

// Why a writer did not succeed: what it failed with; or that its last rows are none, or begin with a boolean that is
// not true. Empty if it did.
std::string refusal(const own_answer &answer);

// What --check complains about: its first row whose boolean is not true; without a boolean its first row. Empty if all
// is fine. A boolean without any row is a complaint, because nothing was looked at. Throws std::runtime_error if the
// script answered no columns.
std::string complaint(const own_answer &answer, bool command);

// The variables that --create makes: the columns of its last row, and the first of them once more as `key`. Throws
// std::runtime_error if there is none, or one has a name that the race itself uses.
variables created(const own_answer &answer);

}  // namespace ratchet::cli
