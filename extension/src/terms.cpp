#include "terms.h"

#include "errors.h"
#include "flat.h"
#include "pg/fence.h"

namespace ratchet {

namespace {

Terms *flatten(MemoryContext context, const core::Spec &spec) {
  auto *terms = static_cast<Terms *>(MemoryContextAllocExtended(context, sizeof(Terms), MCXT_ALLOC_NO_OOM));
  if (terms == nullptr) throw std::bad_alloc();
  const std::vector<std::string> guarded = spec.guarded();
  const std::vector<std::string> arguments = core::arguments(spec);
  terms->gate = copy(context, spec.gate);
  terms->gate_at = copy_optional(context, spec.gate_at);
  terms->actor = copy_optional(context, spec.actor);
  terms->idempotency_key = copy_optional(context, spec.idempotency_key);
  terms->guarded = copy_all(context, guarded);
  terms->nguarded = static_cast<int>(guarded.size());
  terms->gate_by = spec.gate_by;
  terms->mode = spec.owned_mode;
  terms->insert_reject = spec.insert_reject;
  terms->arguments = copy_all(context, arguments);
  terms->narguments = static_cast<int>(arguments.size());
  return terms;
}

core::Spec parse(const char *const *arguments, int narguments) {
  return core::parse_arguments({arguments, arguments + narguments});
}

core::Spec parse(const Terms *terms) { return parse(terms->arguments, terms->narguments); }

}  // namespace

Terms *terms_of_trigger(MemoryContext context, Relation relation, const Trigger *trigger) {
  Terms *terms = nullptr;
  in_core_of(relation, [&] { terms = flatten(context, parse(trigger->tgargs, trigger->tgnargs)); });
  return terms;
}

Terms *terms_of_request(MemoryContext context, const GuardRequest &request) {
  Terms *terms = nullptr;
  in_core([&] {
    core::Spec spec;
    spec.gate = text_of(request.gate);
    spec.gate_at = text_of(request.gate_at);
    spec.actor = text_of(request.actor);
    spec.idempotency_key = text_of(request.idempotency_key);
    spec.owned.assign(request.owned, request.owned + request.nowned);
    if (request.gate_by != nullptr) spec.gate_by = core::parse_gate_by(request.gate_by);
    if (request.mode != nullptr) spec.owned_mode = core::parse_mode(request.mode);
    if (request.insert != nullptr) spec.insert_reject = core::parse_insert(request.insert);
    core::check_consistent(spec);
    terms = flatten(context, spec);
  });
  return terms;
}

const char *weakened(MemoryContext context, const Terms *before, const Terms *after) {
  const char *difference = nullptr;
  in_core([&] { difference = copy_optional(context, core::join(core::weakened(parse(before), parse(after)), "; ")); });
  return difference;
}

bool same_terms(const Terms *a, const Terms *b) {
  return same_arguments(a->arguments, a->narguments, b->arguments, b->narguments);
}

Terms *renamed(MemoryContext context, const Terms *terms, const char *from, const char *to) {
  Terms *after = nullptr;
  in_core([&] {
    const std::vector<std::string> arguments = core::renamed(parse(terms), from, to);
    if (arguments.empty()) return;
    after = flatten(context, core::parse_arguments({arguments.begin(), arguments.end()}));
  });
  return after;
}

}  // namespace ratchet
