#include "terminal/key.hpp"

#include <array>
#include <optional>
#include <utility>

namespace ratchet::cli {

namespace {

using kind = key::kind;

// A key, and the bytes that it takes; none where it may go on.
using found = std::pair<std::optional<key>, std::size_t>;

key named(std::string_view sequence) {
  constexpr std::array<std::pair<const char *, kind>, 8> names{{{"A", kind::up},
                                                                {"B", kind::down},
                                                                {"H", kind::home},
                                                                {"F", kind::end},
                                                                {"1~", kind::home},
                                                                {"4~", kind::end},
                                                                {"5~", kind::page_up},
                                                                {"6~", kind::page_down}}};
  for (const auto &[text, what] : names) {
    if (sequence == text) return {what, {}};
  }
  return {kind::other, {}};
}

// ESC [ parameters final, or ESC O final.
found after_escape(std::string_view bytes) {
  if (bytes.size() < 2) return {};
  if (bytes[1] != '[' && bytes[1] != 'O') return {key{kind::escape, {}}, 1};
  for (std::size_t i = 2; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    if (c >= 0x40 && c <= 0x7E) return {named(bytes.substr(2, i - 1)), i + 1};
    if (c < 0x20 || c > 0x7E) return {key{kind::other, {}}, i};
  }
  return {};
}

found first_of(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  if (lead == 0x1B) return after_escape(bytes);
  if (lead == '\r' || lead == '\n') return {key{kind::enter, {}}, 1};
  if (lead == 0x7F || lead == 0x08) return {key{kind::backspace, {}}, 1};
  if (lead < 0x20) return {key{kind::control, std::string(1, static_cast<char>(lead | 0x60))}, 1};
  const std::size_t size = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  for (std::size_t i = 1; i < size; ++i) {
    if (i >= bytes.size()) return {};
    if ((static_cast<unsigned char>(bytes[i]) & 0xC0) != 0x80) return {key{kind::other, {}}, i};
  }
  return {key{kind::text, std::string{bytes.substr(0, size)}}, size};
}

}  // namespace

std::vector<key> key_decoder::feed(std::string_view bytes) {
  waiting_ += bytes;
  std::vector<key> keys;
  while (!waiting_.empty()) {
    auto [next, size] = first_of(waiting_);
    if (!next) break;
    keys.push_back(std::move(*next));
    waiting_.erase(0, size);
  }
  return keys;
}

std::vector<key> key_decoder::finish() {
  std::vector<key> keys;
  if (waiting_.empty()) return keys;
  const bool escape = waiting_ == "\033";
  waiting_.clear();
  keys.push_back({escape ? kind::escape : kind::other, {}});
  return keys;
}

}  // namespace ratchet::cli
