#include "race/gate/variant.hpp"

#include <algorithm>

namespace ratchet::cli::gate {

std::string_view to_string(variant kind) {
  switch (kind) {
    case variant::none:
      return "none";
    case variant::any:
      return "any";
    case variant::submit:
      break;
  }
  return "submit";
}

bool uses_ratchet(const std::vector<variant> &variants) {
  return std::any_of(variants.begin(), variants.end(), [](variant kind) { return kind != variant::none; });
}

}  // namespace ratchet::cli::gate
