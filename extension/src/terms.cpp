#include "terms.h"

#include "errors.h"
#include "pg/fence.h"

namespace ratchet {

namespace {

const char *copy(MemoryContext context, const std::string &text) {
  return copy_text(context, text.data(), text.size());
}

const char *copy_optional(MemoryContext context, const std::string &text) {
  return text.empty() ? nullptr : copy(context, text);
}

const char **copy_all(MemoryContext context, const std::vector<std::string> &texts) {
  auto **out = static_cast<const char **>(
      MemoryContextAllocExtended(context, sizeof(char *) * (texts.size() + 1), MCXT_ALLOC_NO_OOM));
  if (out == nullptr) throw std::bad_alloc();
  for (std::size_t i = 0; i < texts.size(); ++i) out[i] = copy(context, texts[i]);
  return out;
}

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

std::string text_of(const char *text) { return text == nullptr ? std::string() : std::string(text); }

void name_relation(void *argument) {
  const auto relation = static_cast<Relation>(argument);
  report_table(relation);
  errcontext("contract of relation \"%s\"", RelationGetRelationName(relation));
}

}  // namespace

Terms *terms_of_trigger(MemoryContext context, Relation relation, const Trigger *trigger) {
  // Core errors know nothing of relations.
  ErrorContextCallback callback{error_context_stack, fenced<name_relation>, relation};
  error_context_stack = &callback;
  Terms *terms = nullptr;
  in_core([&] { terms = flatten(context, parse(trigger->tgargs, trigger->tgnargs)); });
  error_context_stack = callback.previous;
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
  if (a->narguments != b->narguments) return false;
  for (int i = 0; i < a->narguments; ++i)
    if (strcmp(a->arguments[i], b->arguments[i]) != 0) return false;
  return true;
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
