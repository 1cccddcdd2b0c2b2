#include "race/jobs/variant.hpp"

#include <algorithm>

namespace ratchet::cli {

std::string_view to_string(jobs_variant kind) {
  switch (kind) {
    case jobs_variant::naive:
      return "naive";
    case jobs_variant::guard:
      return "guard";
    case jobs_variant::calls:
      break;
  }
  return "calls";
}

bool uses_ratchet(const std::vector<jobs_variant> &variants) {
  return std::any_of(variants.begin(), variants.end(), [](jobs_variant kind) { return kind != jobs_variant::naive; });
}

}  // namespace ratchet::cli
