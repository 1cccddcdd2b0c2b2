// What the server told a connection besides answers, kept instead of printed.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "pqxx_seam.hpp"
#include "terminal/lines.hpp"

namespace ratchet::cli {

// Keeps the first line of the last notice of a connection, which must not outlive it.
class notices {
 public:
  explicit notices(pqxx::connection &connection)
      : handler_(connection, [this](std::string_view text) { last_ = first_line(text); }) {}

  // The last notice since the previous call, or an empty text.
  std::string take() { return std::exchange(last_, {}); }

 private:
  std::string last_;
  detail::notice_handler handler_;
};

}  // namespace ratchet::cli
