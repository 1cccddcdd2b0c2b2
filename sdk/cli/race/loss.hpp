// Which write undid which, told from the events of a round that went wrong.
#pragma once

#include <string>
#include <vector>

#include "race/event.hpp"

namespace ratchet::cli {

// The last write of `who` is gone: marks it, and the write of somebody else who had read before it. Answers that in
// a sentence, or an empty text if the events do not show it. `events` are in order.
std::string explain_undone(std::vector<event> &events, const std::string &who);

// The same for a value that only grows: the first write with less than somebody else had written, or else, the first
// that wrote the same again.
std::string explain_setback(std::vector<event> &events);

// What should have happened once, and several writers did, is marked. Answers who did, when, and what each of them had
// read before; an empty text if it happened once at most.
std::string explain_repetition(std::vector<event> &events, const std::string &what);

}  // namespace ratchet::cli
