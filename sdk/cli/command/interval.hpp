// How long ago, as an argument.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

#include "command/session.hpp"

namespace ratchet::cli {

// The server reads it, so that it may be written as everywhere in PostgreSQL. Throws ratchet::error.
std::chrono::microseconds interval_of(session &database, const std::string &text);

// Refuses a number without a unit: PostgreSQL takes it for seconds, which is hardly what was meant.
CLI::Validator with_unit();

}  // namespace ratchet::cli
