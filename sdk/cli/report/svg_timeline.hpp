// The timeline of a round as a picture.
#pragma once

#include <string>
#include <vector>

#include "race/event.hpp"

namespace ratchet::cli {

// An SVG element: a lane for each writer, time from left to right, a numbered mark for each event, a bar from what a
// writer read to what it wrote, and in red the write that is gone with the one that undid it. Its colours are those of
// the page's style sheet.
std::string svg_timeline(const std::vector<event> &events);

}  // namespace ratchet::cli
