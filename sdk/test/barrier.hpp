// Where the threads of a test meet.
#pragma once

#include <condition_variable>
#include <mutex>

namespace ratchet::test {

// Lets all its threads go on together, again and again.
class barrier {
 public:
  explicit barrier(int parties) : parties_(parties), missing_(parties) {}

  void arrive_and_wait() {
    std::unique_lock lock{mutex_};
    const int mine = generation_;
    if (--missing_ == 0) {
      missing_ = parties_;
      ++generation_;
      everybody_.notify_all();
    }
    everybody_.wait(lock, [&] { return generation_ != mine; });
  }

 private:
  const int parties_;
  int missing_;
  int generation_ = 0;
  std::mutex mutex_;
  std::condition_variable everybody_;
};

}  // namespace ratchet::test
