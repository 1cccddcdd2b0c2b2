#include "race/own/command_step.hpp"

#include <fmt/format.h>

#include "race/own/process.hpp"
#include "race/own/split_command.hpp"
#include "terminal/lines.hpp"

namespace ratchet::cli::own {

namespace {

std::string why_it_failed(const process_result &result, std::chrono::milliseconds limit) {
  if (result.timed_out) return fmt::format("took longer than {:g} s and was ended", limit.count() / 1000.0);
  const auto said = result.err.empty() ? result.out : result.err;
  const auto line = on_one_line(last_line(said));
  return fmt::format("exit status {}{}{}", result.status, line.empty() ? "" : ": ", line);
}

}  // namespace

command_step::command_step(const std::string &command, const surroundings &around)
    : words_(split_command(command)), environment_(around.environment), limit_(around.limit) {}

step_answer command_step::run(const std::string &who, const variables &known,
                              std::chrono::steady_clock::time_point start, const std::atomic<bool> &stop) {
  step_answer answer;
  const auto add = [&](std::string what, act kind) {
    answer.events.push_back({ms_since(start), who, std::move(what), kind});
  };
  auto command = words_;
  std::string shown;
  for (auto &word : command) {
    word = fill_in(word, known);
    shown += (shown.empty() ? "" : " ") + word;
  }
  auto environment = as_environment(known);
  environment.insert(environment_.begin(), environment_.end());

  add("started: " + on_one_line(shown), act::read);
  const auto result = run_process(command, environment, limit_, stop);
  const auto said = last_line(result.out);
  if (result.timed_out || result.status != 0) {
    answer.failure = why_it_failed(result, limit_);
    add("failed: " + answer.failure, act::failed);
    return answer;
  }
  add("succeeded" + (said.empty() ? "" : ": " + on_one_line(said)), act::wrote);
  if (!said.empty()) answer.answered = {{"key"}, {{said}}, false};
  return answer;
}

}  // namespace ratchet::cli::own
