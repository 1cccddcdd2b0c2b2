// core/error.h: the one exception type of the core lane.
//
// Core code reports a bad contract or a bad argument by throwing this; the
// fence turns it into an ereport() with the same SQLSTATE, detail and hint.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace ratchet::core {

class error : public std::runtime_error {
 public:
  // sqlstate: five characters, e.g. "22023".
  error(const char *sqlstate, const std::string &message, std::string detail = {}, std::string hint = {})
      : std::runtime_error(message), sqlstate_(sqlstate), detail_(std::move(detail)), hint_(std::move(hint)) {}

  const std::string &sqlstate() const noexcept { return sqlstate_; }
  const std::string &detail() const noexcept { return detail_; }
  const std::string &hint() const noexcept { return hint_; }

 private:
  std::string sqlstate_;
  std::string detail_;
  std::string hint_;
};

}  // namespace ratchet::core
