// core/graph.h: the states of a column and where each leads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ratchet::core {

struct State {
  std::string name;
  std::vector<std::string> next;  // empty: terminal
};

struct Graph {
  std::string column;
  std::vector<State> states;
};

// Trigger arguments, in this order: state=<column>, from=<state>, to=<state>, to=<state>, from=...
// True when the name is one of these and was taken. Throws 42R01 for one out of order.
bool take_graph_argument(std::vector<Graph> &graphs, std::string_view name, std::string_view value);

// Brings graphs into a canonical order, without duplicates; staying in a state
// is always allowed and no transition. Throws 22023 when a graph is empty, or leads to
// what is not one of its states: a typing error would make a terminal state.
void settle(std::vector<Graph> &graphs);

const State *find_state(const Graph &graph, const std::string &name);  // nullptr: it has no such state

void append_arguments(std::vector<std::string> &out, const std::vector<Graph> &graphs);

// What `after` would take away from `before`: states, or refusals of transitions.
std::vector<std::string> weakened(const std::vector<Graph> &before, const std::vector<Graph> &after);

}  // namespace ratchet::core
