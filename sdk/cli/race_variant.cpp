#include "race_variant.hpp"

namespace ratchet::cli {

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

variant variant_from(std::string_view name) {
  return name == "none" ? variant::none : name == "any" ? variant::any : variant::submit;
}

}  // namespace ratchet::cli
