// What the race compares.
#pragma once

#include <string_view>
#include <vector>

namespace ratchet::cli::gate {

// How the table is protected, and how Submit is written.
enum class variant {
  none,   // no guard; Submit saves its whole row
  any,    // guard with gate_by => 'any'; Submit saves its whole row, the application is unchanged
  submit  // guard with gate_by => 'submit'; Submit calls ratchet.submit()
};

std::string_view to_string(variant kind);

// Whether any of them needs the extension.
bool uses_ratchet(const std::vector<variant> &variants);

}  // namespace ratchet::cli::gate
