// What somebody presses, out of what a terminal sends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ratchet::cli {

struct key {
  enum class kind { text, enter, escape, backspace, up, down, page_up, page_down, home, end, control, other };
  kind what;
  std::string text;  // of text one character of UTF-8, of control the letter: "c" for Ctrl-C
};

// Puts keys together that arrive in parts.
class key_decoder {
 public:
  std::vector<key> feed(std::string_view bytes);

  // Whether a sequence has begun and may go on. Escape alone looks so too: a moment later call finish().
  bool is_waiting() const { return !waiting_.empty(); }
  std::vector<key> finish();

 private:
  std::string waiting_;
};

}  // namespace ratchet::cli
