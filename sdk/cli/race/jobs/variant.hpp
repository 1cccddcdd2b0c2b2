// What the race for jobs compares.
#pragma once

#include <string_view>
#include <vector>

namespace ratchet::cli::jobs {

// How the job is protected, and how its writers write.
enum class variant {
  naive,  // no guard; everybody saves the whole row
  guard,  // ratchet.guard(); everybody still saves the whole row, the application is unchanged
  calls   // ratchet.guard(); the application calls ratchet.advance() and ratchet.beat()
};

std::string_view to_string(variant kind);

// Whether any of them needs the extension.
bool uses_ratchet(const std::vector<variant> &variants);

}  // namespace ratchet::cli::jobs
