// What the race for counters compares.
#pragma once

#include <string_view>
#include <vector>

namespace ratchet::cli::counters {

// How the counters of a run are kept while results arrive in batches.
enum class variant {
  increment,  // read the run, add to its count, store the results and save the run
  recount,    // store the results, count them and save the run, in one transaction
  refresh,    // store the results and commit; then read the run, count the results and save it
  tally       // ratchet.tally(); results are stored by ratchet.submit_batch(), nobody counts
};

std::string_view to_string(variant kind);

// Whether any of them needs the extension.
bool uses_ratchet(const std::vector<variant> &variants);

}  // namespace ratchet::cli::counters
