// Finds its way through SQL text: what is quoted or a comment, and what is neither.
#pragma once

#include <cstddef>
#include <string_view>

namespace ratchet::cli::own {

// The position behind the quoted text or the comment that begins at `at`, or `at` itself if none does. Knows '...',
// E'...', "...", $tag$...$tag$, -- and /* */. Throws std::runtime_error if it does not end.
std::size_t skip_quoted(std::string_view sql, std::size_t at);

bool is_name_start(char c);
bool is_name_part(char c);

}  // namespace ratchet::cli::own
