// Reads samples while somebody looks at the one before.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "command/session.hpp"
#include "top/sample.hpp"

namespace ratchet::cli {

// A session on a thread of its own, so that keys are heard however long the server takes. Where the session is lost it
// is opened again at the next request.
class top_reader {
 public:
  struct result {
    std::optional<top::sample> seen;
    std::string failure;  // why there is none
  };

  // on_result: called on that thread when there is something to take().
  top_reader(session_options options, std::chrono::microseconds older_than, std::function<void()> on_result);
  ~top_reader();
  top_reader(const top_reader &) = delete;
  top_reader &operator=(const top_reader &) = delete;

  // Asks for a sample, unless one is on its way.
  void request();

  // What was asked for, once.
  std::optional<result> take();

  // Cancels what is running. Whether that has ended within this time; otherwise a server does not answer, and the
  // object must not be destroyed.
  bool stop(std::chrono::milliseconds longest);

 private:
  void work();
  result read();

  session_options options_;
  std::chrono::microseconds older_than_;
  std::function<void()> on_result_;

  struct source;
  std::unique_ptr<source> source_;  // of the thread

  std::mutex mutex_;
  std::condition_variable changed_;
  session *running_ = nullptr;  // to be cancelled
  bool asked_ = false;
  bool stop_ = false;
  bool ended_ = false;
  std::optional<result> result_;
  std::thread thread_;
};

}  // namespace ratchet::cli
