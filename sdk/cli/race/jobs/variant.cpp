#include "race/jobs/variant.hpp"

#include <algorithm>

namespace ratchet::cli::jobs {

std::string_view to_string(variant kind) {
  switch (kind) {
    case variant::naive:
      return "naive";
    case variant::guard:
      return "guard";
    case variant::calls:
      break;
  }
  return "calls";
}

bool uses_ratchet(const std::vector<variant> &variants) {
  return std::any_of(variants.begin(), variants.end(), [](variant kind) { return kind != variant::naive; });
}

}  // namespace ratchet::cli::jobs
