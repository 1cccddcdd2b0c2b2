// What the race compares.
#pragma once

#include <string_view>

namespace ratchet::cli {

// How the table is protected, and how Submit is written.
enum class variant {
  none,   // no guard; Submit saves its whole row
  any,    // guard with gate_by => 'any'; Submit saves its whole row, the application is unchanged
  submit  // guard with gate_by => 'submit'; Submit calls ratchet.submit()
};

std::string_view to_string(variant kind);

// The variant of that name, which must be one.
variant variant_from(std::string_view name);

}  // namespace ratchet::cli
