#include "race/counters/variant.hpp"

#include <algorithm>

namespace ratchet::cli {

std::string_view to_string(runs_variant kind) {
  switch (kind) {
    case runs_variant::increment:
      return "increment";
    case runs_variant::recount:
      return "recount";
    case runs_variant::refresh:
      return "refresh";
    case runs_variant::tally:
      break;
  }
  return "tally";
}

bool uses_ratchet(const std::vector<runs_variant> &variants) {
  return std::find(variants.begin(), variants.end(), runs_variant::tally) != variants.end();
}

}  // namespace ratchet::cli
