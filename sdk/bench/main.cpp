// sdk_bench: runs slices of variants, as test/bench/sdk.py asks for them.
//
//   sdk_bench submit | batch
//
// A line on standard input is one slice: NAME WARM_UP ROUNDS NUMBER, where the rounds have the numbers from NUMBER on.
// It is answered by a line with the seconds that the rounds after the warm-up took, and the seconds of processor time
// that this program had in them. The server is the one that the environment names.
#include <cstdlib>
#include <ctime>
#include <iostream>

#include "variants.hpp"

namespace ratchet::bench {

void expect(bool truth, const char *what) {
  if (truth) return;
  std::cerr << "not " << what << '\n';
  std::exit(1);
}

namespace {

double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void run_slice(const variant &prepare, long warm_up, long rounds, long number) {
  double seconds = 0, processor = 0;
  for (long round = 0; round < warm_up + rounds; ++round) {
    const auto timed = prepare(number + round);
    const double processor_before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    const double before = seconds_of(CLOCK_MONOTONIC);
    timed();
    if (round >= warm_up) {
      seconds += seconds_of(CLOCK_MONOTONIC) - before;
      processor += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor_before;
    }
  }
  std::cout << seconds << ' ' << processor << std::endl;
}

}  // namespace

}  // namespace ratchet::bench

int main(int argc, char **argv) try {
  ratchet::bench::sessions with;
  const auto variants = argc == 2 && std::string{argv[1]} == "batch" ? ratchet::bench::batch_variants(with)
                                                                     : ratchet::bench::submit_variants(with);
  std::string name;
  long warm_up = 0, rounds = 0, number = 0;
  while (std::cin >> name >> warm_up >> rounds >> number) {
    ratchet::bench::run_slice(variants.at(name), warm_up, rounds, number);
  }
} catch (const std::exception &e) {
  std::cerr << e.what() << '\n';
  return 1;
}
