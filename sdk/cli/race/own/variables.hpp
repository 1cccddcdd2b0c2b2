// What a round knows: the columns that --create answered, the number of the writer, and so on.
#pragma once

#include <map>
#include <optional>
#include <string>

namespace ratchet::cli::own {

// Values as text; without a value: NULL.
using variables = std::map<std::string, std::optional<std::string>>;

// As SQL writes it: a quoted literal, whatever is in it, or NULL.
std::string as_literal(const std::optional<std::string> &value);

// The text with {name} replaced by its value. Braces around anything else are left as they are, NULL is an empty text.
std::string fill_in(std::string text, const variables &known);

// RATCHET_NAME=value for each, in capitals; NULL is left out.
std::map<std::string, std::string> as_environment(const variables &known);

}  // namespace ratchet::cli::own
