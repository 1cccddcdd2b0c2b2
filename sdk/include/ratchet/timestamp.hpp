/// @file
/// Points in time.
#pragma once

#include <chrono>

namespace ratchet {

/// A point in time with PostgreSQL's resolution.
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

}  // namespace ratchet
