// A sample for scripts.
#pragma once

#include <string>

#include "top/sample.hpp"

namespace ratchet::cli::top {

// An object with all that was read: figures since the reset, from which two calls make rates.
std::string json_text(const sample &seen);

}  // namespace ratchet::cli::top
