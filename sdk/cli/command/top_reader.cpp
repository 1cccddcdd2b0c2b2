#include "command/top_reader.hpp"

#include <utility>

#include "terminal/lines.hpp"
#include "top/reader.hpp"

namespace ratchet::cli {

// What a connection has, and is lost with it.
struct top_reader::source {
  explicit source(const session_options &options, std::chrono::microseconds older_than)
      : database(options, [](std::string_view) {}),
        reader([this](const std::string &sql) { return database.ask(sql); }, older_than) {}

  session database;
  top::reader reader;
};

top_reader::top_reader(session_options options, std::chrono::microseconds older_than, std::function<void()> on_result)
    : options_(std::move(options)),
      older_than_(older_than),
      on_result_(std::move(on_result)),
      thread_([this] { work(); }) {}

top_reader::~top_reader() {
  (void)stop(std::chrono::milliseconds{0});
  thread_.join();
}

void top_reader::request() {
  const std::lock_guard lock{mutex_};
  asked_ = true;
  changed_.notify_all();
}

std::optional<top_reader::result> top_reader::take() {
  const std::lock_guard lock{mutex_};
  return std::exchange(result_, std::nullopt);
}

bool top_reader::stop(std::chrono::milliseconds longest) {
  std::unique_lock lock{mutex_};
  stop_ = true;
  if (running_ != nullptr) running_->interrupt();
  changed_.notify_all();
  return changed_.wait_for(lock, longest, [this] { return ended_; });
}

void top_reader::work() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return asked_ || stop_; });
    if (stop_) break;
    lock.unlock();
    auto read_now = read();
    lock.lock();
    asked_ = false;
    result_ = std::move(read_now);
    on_result_();
  }
  lock.unlock();
  source_.reset();
  lock.lock();
  ended_ = true;
  changed_.notify_all();
}

top_reader::result top_reader::read() {
  // While it is known here it may be cancelled, and must not go.
  const auto know = [this](session *database) {
    const std::lock_guard lock{mutex_};
    running_ = database;
    if (database != nullptr && stop_) throw stopped{};
  };
  try {
    if (!source_) source_ = std::make_unique<source>(options_, older_than_);
    know(&source_->database);
    auto seen = source_->reader.read();
    know(nullptr);
    return {std::move(seen), {}};
  } catch (const std::exception &e) {
    know(nullptr);
    source_.reset();
    return {std::nullopt, on_one_line(e.what())};
  }
}

}  // namespace ratchet::cli
