// Where the writers of a round wait for each other.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace ratchet::cli {

// Lets its parties go on together, once.
class start_line {
 public:
  using clock = std::chrono::steady_clock;

  explicit start_line(int parties) : missing_(parties) {}

  // Answers when the last party arrived.
  clock::time_point arrive_and_wait() {
    std::unique_lock lock{mutex_};
    if (--missing_ == 0) {
      start_ = clock::now();
      everybody_.notify_all();
    }
    everybody_.wait(lock, [this] { return missing_ == 0; });
    return start_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable everybody_;
  int missing_;
  clock::time_point start_;
};

}  // namespace ratchet::cli
