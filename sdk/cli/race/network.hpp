// A slow network, simulated: the client waits half a round trip before it sends something and half after the answer
// has arrived. What the server does in between takes as long as ever, so locks are held through the waits as they
// are when the network is really slow.
#pragma once

#include <chrono>
#include <pqxx/pqxx>
#include <thread>

namespace ratchet::cli {

class network {
 public:
  explicit network(std::chrono::microseconds delay) : half_(delay / 2) {}

  // Sends something, and answers what came back.
  template <typename Send>
  auto trip(const Send &send) const {
    const half_trip before_and_after{half_};
    return send();
  }

 private:
  struct half_trip {
    explicit half_trip(std::chrono::microseconds time) : time_(time) { std::this_thread::sleep_for(time_); }
    ~half_trip() { std::this_thread::sleep_for(time_); }
    half_trip(const half_trip &) = delete;
    half_trip &operator=(const half_trip &) = delete;
    std::chrono::microseconds time_;
  };

  std::chrono::microseconds half_;
};

// A transaction block over that network: BEGIN and COMMIT take a round trip each, and so does what runs between them
// by trip().
class slow_work {
 public:
  slow_work(pqxx::connection &connection, const network &wire) : wire_(wire), tx_(connection) {
    wire_.trip([] {});  // libpqxx sends BEGIN when it likes
  }

  template <typename Send>
  auto trip(const Send &send) {
    return wire_.trip([&] { return send(tx_); });
  }

  void commit() {
    wire_.trip([this] { tx_.commit(); });
  }

 private:
  const network &wire_;
  pqxx::work tx_;
};

}  // namespace ratchet::cli
