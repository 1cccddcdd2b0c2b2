#include "race/counters/variant.hpp"

#include <algorithm>

namespace ratchet::cli::counters {

std::string_view to_string(variant kind) {
  switch (kind) {
    case variant::increment:
      return "increment";
    case variant::recount:
      return "recount";
    case variant::refresh:
      return "refresh";
    case variant::tally:
      break;
  }
  return "tally";
}

bool uses_ratchet(const std::vector<variant> &variants) {
  return std::find(variants.begin(), variants.end(), variant::tally) != variants.end();
}

}  // namespace ratchet::cli::counters
