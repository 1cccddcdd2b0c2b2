#include "core/graph.h"

#include <algorithm>

#include "core/arguments.h"
#include "core/error.h"
#include "core/lane.h"

namespace ratchet::core {

namespace {

const Graph *find(const std::vector<Graph> &graphs, const std::string &column) {
  for (const Graph &graph : graphs)
    if (graph.column == column) return &graph;
  return nullptr;
}

bool leads(const State &state, const std::string &to) {
  return std::find(state.next.begin(), state.next.end(), to) != state.next.end();
}

void settle(Graph &graph) {
  if (graph.states.empty())
    throw error(invalid_argument, "states of column " + quoted(graph.column) + " are missing", {},
                "Name every state and where it leads: {\"status\": {\"open\": [\"done\"], \"done\": []}}.");
  // A row's state is looked for one after the other, and where each leads is a square of them.
  constexpr std::size_t most = 1000;
  if (graph.states.size() > most)
    throw error(invalid_argument, "column " + quoted(graph.column) + " has more than 1000 states");
  std::sort(graph.states.begin(), graph.states.end(), [](const State &a, const State &b) { return a.name < b.name; });
  for (std::size_t i = 1; i < graph.states.size(); ++i)
    if (graph.states[i].name == graph.states[i - 1].name)
      throw error(invalid_argument,
                  "state " + quoted(graph.states[i].name) + " of column " + quoted(graph.column) + " is named twice");
  for (State &state : graph.states) {
    std::sort(state.next.begin(), state.next.end());
    state.next.erase(std::unique(state.next.begin(), state.next.end()), state.next.end());
    state.next.erase(std::remove(state.next.begin(), state.next.end(), state.name), state.next.end());
    for (const std::string &to : state.next)
      if (find_state(graph, to) == nullptr)
        throw error(invalid_argument,
                    "state " + quoted(to) + " of column " + quoted(graph.column) + " is not a key of its graph", {},
                    "Every state must be a key; a terminal one leads to [].");
  }
}

}  // namespace

const State *find_state(const Graph &graph, const std::string &name) {
  for (const State &state : graph.states)
    if (state.name == name) return &state;
  return nullptr;
}

bool take_graph_argument(std::vector<Graph> &graphs, std::string_view name, std::string_view value) {
  if (name == "state") {
    graphs.push_back({std::string(value), {}});
  } else if (name == "from") {
    if (graphs.empty()) throw error(unenforceable, "contract names a state before its column");
    graphs.back().states.push_back({std::string(value), {}});
  } else if (name == "to") {
    if (graphs.empty() || graphs.back().states.empty())
      throw error(unenforceable, "contract names a transition before its state");
    graphs.back().states.back().next.emplace_back(value);
  } else {
    return false;
  }
  return true;
}

void settle(std::vector<Graph> &graphs) {
  for (Graph &graph : graphs) settle(graph);
  std::sort(graphs.begin(), graphs.end(), [](const Graph &a, const Graph &b) { return a.column < b.column; });
}

void append_arguments(std::vector<std::string> &out, const std::vector<Graph> &graphs) {
  for (const Graph &graph : graphs) {
    out.push_back("state=" + graph.column);
    for (const State &state : graph.states) {
      out.push_back("from=" + state.name);
      for (const std::string &to : state.next) out.push_back("to=" + to);
    }
  }
}

std::vector<std::string> weakened(const std::vector<Graph> &before, const std::vector<Graph> &after) {
  std::vector<std::string> lost;
  for (const Graph &was : before) {
    const Graph *is = find(after, was.column);
    if (is == nullptr) {
      lost.push_back("states of " + quoted(was.column) + " are removed");
      continue;
    }
    for (const State &state : was.states) {
      const State *now = find_state(*is, state.name);
      if (now == nullptr) {
        lost.push_back("state " + quoted(state.name) + " of " + quoted(was.column) + " is removed");
        continue;
      }
      for (const std::string &to : now->next)
        if (!leads(state, to))
          lost.push_back(quoted(was.column) + " may go from " + quoted(state.name) + " to " + quoted(to));
    }
  }
  return lost;
}

}  // namespace ratchet::core
