// What the command answers to whoever called it.
#pragma once

namespace ratchet::cli {

enum exit_code {
  exit_fine = 0,
  exit_lost = 1,          // something is wrong with the data: what was looked for was found
  exit_error = 2,         // bad usage, or the command could not do its work
  exit_incomplete = 3,    // what was waited for has not come in time
  exit_observing = 4,     // nothing is wrong, but a contract only observes
  exit_nothing = 5,       // nothing is wrong, because there is nothing that could be
  exit_interrupted = 130  // by Ctrl-C or kill, with everything tidied up
};

}  // namespace ratchet::cli
