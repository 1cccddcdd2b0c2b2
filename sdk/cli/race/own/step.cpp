#include "race/own/step.hpp"

#include "race/own/command_step.hpp"
#include "race/own/script_step.hpp"

namespace ratchet::cli {

std::unique_ptr<own_step> make_step(const own_source &source, const own_surroundings &around) {
  if (source.command.empty()) return std::make_unique<script_step>(source.script, around);
  return std::make_unique<command_step>(source.command, around);
}

}  // namespace ratchet::cli
