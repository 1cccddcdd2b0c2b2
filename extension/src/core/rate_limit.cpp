#include "core/rate_limit.h"

#include <charconv>

#include "core/arguments.h"
#include "core/lane.h"

namespace ratchet::core {

namespace {

struct Unit {
  const char *name;
  std::int64_t seconds;
};

// From the longest to the shortest.
constexpr Unit units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};

// So that a token's share of the period, and a call's share of the number, is a whole number of microseconds that means
// something.
constexpr std::int64_t most_calls = 1000000;
constexpr std::int64_t most_seconds = 31 * 86400;

// The next word, without it in text; empty: there is none.
std::string_view take_word(std::string_view &text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return text = {};
  const auto end = text.find(' ', begin);
  const std::string_view word = text.substr(begin, end == std::string_view::npos ? end : end - begin);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  return word;
}

// 0: it is no number above zero and not above `most`.
std::int64_t number_of(std::string_view word, std::int64_t most) {
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), number);
  return fault == std::errc() && end == word.data() + word.size() && number > 0 && number <= most ? number : 0;
}

// 0: it is no unit.
std::int64_t seconds_of(std::string_view word) {
  if (!word.empty() && word.back() == 's') word.remove_suffix(1);
  for (const Unit &unit : units)
    if (word == unit.name) return unit.seconds;
  return 0;
}

}  // namespace

RateLimit parse_rate_limit(std::string_view text) {
  std::string_view rest = text;
  RateLimit limit;
  limit.calls = number_of(take_word(rest), most_calls);
  const bool per = take_word(rest) == "per";
  std::string_view word = take_word(rest);
  const std::int64_t given = number_of(word, most_seconds);
  if (given > 0) word = take_word(rest);
  limit.seconds = seconds_of(word) * (given > 0 ? given : 1);
  const bool over = !take_word(rest).empty();
  if (limit.calls == 0 || !per || limit.seconds == 0 || limit.seconds > most_seconds || over)
    throw error(invalid_argument, "invalid rate_limit " + quoted(text), {},
                "For example '10 per minute' or '100 per 15 minutes': up to 1000000 calls in up to 31 days, which are "
                "given in seconds, minutes, hours or days.");
  return limit;
}

std::string text_of(const RateLimit &limit) {
  if (limit.calls == 0) return {};
  const Unit *unit = units;
  while (limit.seconds % unit->seconds != 0) ++unit;
  const std::int64_t count = limit.seconds / unit->seconds;
  return std::to_string(limit.calls) + " per " +
         (count == 1 ? std::string(unit->name) : std::to_string(count) + " " + unit->name + "s");
}

bool allows_more(const RateLimit &before, const RateLimit &after) {
  if (before.calls == 0) return false;
  return after.calls == 0 || after.calls > before.calls || after.calls * before.seconds > before.calls * after.seconds;
}

}  // namespace ratchet::core
