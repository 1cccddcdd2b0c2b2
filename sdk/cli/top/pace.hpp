// How often something may be asked that can be expensive.
#pragma once

#include <chrono>
#include <map>
#include <string>

namespace ratchet::cli::top {

// What took a time is not asked again before twenty times that have passed, so that no table is being read for more
// than a twentieth of the time, however large it is.
class pace {
 public:
  using time = std::chrono::steady_clock::time_point;
  static constexpr int rest = 20;

  bool is_due(const std::string &what, time now) const {
    const auto found = next_.find(what);
    return found == next_.end() || now >= found->second;
  }

  void took(const std::string &what, time begun, time ended) { next_[what] = ended + (ended - begun) * rest; }

 private:
  std::map<std::string, time> next_;
};

}  // namespace ratchet::cli::top
