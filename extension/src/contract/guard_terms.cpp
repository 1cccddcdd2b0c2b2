#include "contract/guard_terms.h"

#include <algorithm>

#include "contract/core_copy.h"
#include "contract/errors.h"
#include "core/arguments.h"
#include "pg/fence.h"

namespace ratchet {

namespace {

GraphTerms flatten(MemoryContext context, const core::Graph &graph) {
  GraphTerms flat{};
  flat.column = copy(context, graph.column);
  const std::size_t count = graph.states.size();
  flat.nstates = static_cast<int>(count);
  flat.states = allocate<const char *>(context, count);
  flat.leads = allocate<bool>(context, count * count);
  for (std::size_t from = 0; from < count; ++from) {
    const core::State &state = graph.states[from];
    flat.states[from] = copy(context, state.name);
    for (std::size_t to = 0; to < count; ++to)
      flat.leads[from * count + to] =
          std::find(state.next.begin(), state.next.end(), graph.states[to].name) != state.next.end();
  }
  return flat;
}

void flatten_alive(MemoryContext context, core::GuardSpec spec, GuardTerms *terms) {
  terms->alive_graph = -1;
  terms->alive = nullptr;
  const core::Graph *graph = spec.settle_alive();
  if (graph == nullptr) return;
  terms->alive_graph = static_cast<int>(graph - spec.states.data());
  terms->alive = allocate<bool>(context, graph->states.size());
  for (std::size_t i = 0; i < graph->states.size(); ++i)
    terms->alive[i] = std::find(spec.alive.begin(), spec.alive.end(), graph->states[i].name) != spec.alive.end();
}

GuardTerms *flatten(MemoryContext context, const core::GuardSpec &spec) {
  auto *terms = static_cast<GuardTerms *>(MemoryContextAllocExtended(context, sizeof(GuardTerms), MCXT_ALLOC_NO_OOM));
  if (terms == nullptr) throw std::bad_alloc();
  const std::vector<core::Guarded> guarded = spec.guarded();
  const std::vector<std::string> arguments = core::arguments(spec);
  terms->gate = copy_optional(context, spec.gate);
  terms->gate_at = copy_optional(context, spec.gate_at);
  terms->actor = copy_optional(context, spec.actor);
  terms->idempotency_key = copy_optional(context, spec.idempotency_key);
  terms->heartbeat = copy_optional(context, spec.heartbeat);
  terms->fence = copy_optional(context, spec.fence);
  terms->version = copy_optional(context, spec.version);
  terms->ignored = copy_all(context, spec.version_ignores);
  terms->nignored = static_cast<int>(spec.version_ignores.size());
  terms->time_zone = copy_optional(context, spec.time_zone);
  terms->nguarded = static_cast<int>(guarded.size());
  terms->guarded = allocate<const char *>(context, guarded.size());
  terms->policies = allocate<core::Policy>(context, guarded.size());
  for (std::size_t i = 0; i < guarded.size(); ++i) {
    terms->guarded[i] = copy(context, guarded[i].column);
    terms->policies[i] = guarded[i].policy;
  }
  terms->ngraphs = static_cast<int>(spec.states.size());
  terms->graphs = allocate<GraphTerms>(context, spec.states.size());
  for (std::size_t i = 0; i < spec.states.size(); ++i) terms->graphs[i] = flatten(context, spec.states[i]);
  flatten_alive(context, spec, terms);
  terms->gate_by = spec.gate_by;
  terms->modes = spec.modes;
  terms->insert_reject = spec.insert_reject;
  terms->delete_reject = spec.delete_reject;
  terms->audit = spec.audit;
  terms->rate_limit = spec.rate_limit;
  terms->rate_text = copy_optional(context, core::text_of(spec.rate_limit));
  terms->arguments = copy_all(context, arguments);
  terms->narguments = static_cast<int>(arguments.size());
  return terms;
}

core::GuardSpec parse(const char *const *arguments, int narguments) {
  return core::parse_arguments({arguments, arguments + narguments});
}

core::GuardSpec parse(const GuardTerms *terms) { return parse(terms->arguments, terms->narguments); }

}  // namespace

GuardTerms *parse_guard_trigger(MemoryContext context, Relation relation, const Trigger *trigger) {
  GuardTerms *terms = nullptr;
  in_core_of(relation, [&] { terms = flatten(context, parse(trigger->tgargs, trigger->tgnargs)); });
  return terms;
}

GuardTerms *parse_guard_arguments(MemoryContext context, const char *const *arguments, int narguments) {
  GuardTerms *terms = nullptr;
  in_core([&] { terms = flatten(context, parse(arguments, narguments)); });
  return terms;
}

GuardTerms *check_guard_request(MemoryContext context, const GuardRequest &request) {
  GuardTerms *terms = nullptr;
  in_core([&] {
    core::GuardSpec spec;
    spec.gate = text_of(request.gate);
    spec.gate_at = text_of(request.gate_at);
    spec.actor = text_of(request.actor);
    spec.idempotency_key = text_of(request.idempotency_key);
    spec.heartbeat = text_of(request.heartbeat);
    spec.fence = text_of(request.fence);
    spec.version = text_of(request.version);
    spec.version_ignores.assign(request.ignored, request.ignored + request.nignored);
    spec.time_zone = text_of(request.time_zone);
    spec.owned.assign(request.owned, request.owned + request.nowned);
    spec.once.assign(request.once, request.once + request.nonce);
    spec.frozen.assign(request.frozen, request.frozen + request.nfrozen);
    spec.forward.assign(request.forward, request.forward + request.nforward);
    core::split_arguments(
        {request.states, request.states + request.nstates}, "ratchet.guard()",
        [&](std::string_view name, std::string_view value) { core::take_graph_argument(spec.states, name, value); });
    core::settle(spec.states);
    spec.alive.assign(request.alive, request.alive + request.nalive);
    spec.settle_alive();
    if (request.gate_by != nullptr) spec.gate_by = core::parse_gate_by(request.gate_by);
    if (request.mode != nullptr) spec.modes = core::parse_modes(request.mode, spec.policies());
    if (request.insert != nullptr) spec.insert_reject = core::parse_insert(request.insert);
    if (request.removal != nullptr) spec.delete_reject = core::parse_delete(request.removal);
    spec.audit = request.audit;
    if (request.rate_limit != nullptr) spec.rate_limit = core::parse_rate_limit(request.rate_limit);
    core::check_consistent(spec);
    terms = flatten(context, spec);
  });
  return terms;
}

const char *weakened(MemoryContext context, const GuardTerms *before, const GuardTerms *after) {
  const char *difference = nullptr;
  in_core([&] { difference = copy_optional(context, core::join(core::weakened(parse(before), parse(after)), "; ")); });
  return difference;
}

bool same_terms(const GuardTerms *a, const GuardTerms *b) {
  return same_arguments(a->arguments, a->narguments, b->arguments, b->narguments);
}

GuardTerms *renamed(MemoryContext context, const GuardTerms *terms, const char *from, const char *to) {
  GuardTerms *after = nullptr;
  in_core([&] {
    const std::vector<std::string> arguments = core::renamed(parse(terms), from, to);
    if (arguments.empty()) return;
    after = flatten(context, core::parse_arguments({arguments.begin(), arguments.end()}));
  });
  return after;
}

}  // namespace ratchet
