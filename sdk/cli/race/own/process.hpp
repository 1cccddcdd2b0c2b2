// Other programs, run without a shell.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace ratchet::cli::own {

struct process_result {
  int status = 0;  // exit status; 128 and the signal if one ended it
  bool timed_out = false;
  std::string out;
  std::string err;
};

// Runs a program, found through PATH, in a process group of its own, with nothing on its standard input, and waits
// for it. Its group is ended (SIGTERM, and SIGKILL two seconds later) when the time is over, and when `stop` is set:
// then it throws `interrupted`. Throws std::system_error if the program cannot be started.
process_result run_process(const std::vector<std::string> &command,
                           const std::map<std::string, std::string> &environment, std::chrono::milliseconds limit,
                           const std::atomic<bool> &stop);

// Ends every process that is being waited for, at once. For when nobody is going to wait any more.
void kill_processes() noexcept;

}  // namespace ratchet::cli::own
