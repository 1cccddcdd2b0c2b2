#include "contract/tally_terms.h"

#include "contract/core_copy.h"

namespace ratchet {

namespace {

CounterTerm flatten(MemoryContext context, const core::Counter &counter) {
  return {copy(context, counter.column), counter.sum, copy(context, counter.expression)};
}

CompletionTerm flatten(MemoryContext context, const core::Completion &completion) {
  return {copy_optional(context, completion.total),
          copy_optional(context, completion.total_of),
          copy_optional(context, completion.when),
          copy_optional(context, completion.done),
          copy_optional(context, completion.done_at),
          copy_optional(context, completion.on_done),
          completion.latch,
          completion.notify,
          copy_optional(context, completion.time_zone)};
}

BoundTerm flatten(MemoryContext context, const core::Bound &bound) {
  return {copy_optional(context, bound.column), copy_optional(context, bound.number)};
}

LimitTerm flatten(MemoryContext context, const core::Limit &limit) {
  return {copy(context, limit.counter), flatten(context, limit.max), flatten(context, limit.min)};
}

ChildTerms *flatten(MemoryContext context, const core::TallySpec &tally) {
  auto *terms = allocate<ChildTerms>(context, 1);
  const std::vector<std::string> arguments = core::child_arguments(tally);
  terms->via = copy_all(context, tally.via);
  terms->nvia = static_cast<int>(tally.via.size());
  terms->ncounters = static_cast<int>(tally.counters.size());
  terms->counters = allocate<CounterTerm>(context, tally.counters.size());
  for (int i = 0; i < terms->ncounters; ++i) terms->counters[i] = flatten(context, tally.counters[i]);
  terms->arguments = copy_all(context, arguments);
  terms->narguments = static_cast<int>(arguments.size());
  return terms;
}

ParentTerms *flatten(MemoryContext context, const core::ParentSpec &kept) {
  auto *terms = allocate<ParentTerms>(context, 1);
  const std::vector<std::string> guarded = kept.guarded();
  const std::vector<std::string> arguments = core::parent_arguments(kept);
  terms->key = copy_all(context, kept.key);
  terms->nkey = static_cast<int>(kept.key.size());
  terms->counters = copy_all(context, kept.counters);
  terms->ncounters = static_cast<int>(kept.counters.size());
  terms->ncompletions = static_cast<int>(kept.completions.size());
  terms->completions = allocate<CompletionTerm>(context, kept.completions.size());
  for (int i = 0; i < terms->ncompletions; ++i) terms->completions[i] = flatten(context, kept.completions[i]);
  terms->nlimits = static_cast<int>(kept.limits.size());
  terms->limits = allocate<LimitTerm>(context, kept.limits.size());
  for (int i = 0; i < terms->nlimits; ++i) terms->limits[i] = flatten(context, kept.limits[i]);
  terms->spills = kept.spills;
  terms->guarded = copy_all(context, guarded);
  terms->nguarded = static_cast<int>(guarded.size());
  terms->arguments = copy_all(context, arguments);
  terms->narguments = static_cast<int>(arguments.size());
  return terms;
}

core::TallySpec parse(const ChildTerms *source) {
  return core::parse_child({source->arguments, source->arguments + source->narguments});
}

core::ParentSpec parse(const ParentTerms *kept) {
  return core::parse_parent({kept->arguments, kept->arguments + kept->narguments});
}

core::Completion parse(const CompletionTerm &completion) {
  return {
      text_of(completion.total),    text_of(completion.total_of), text_of(completion.when), text_of(completion.done),
      text_of(completion.done_at),  text_of(completion.on_done),  completion.latch,         completion.notify,
      text_of(completion.time_zone)};
}

core::Limit parse(const LimitTerm &limit) {
  return {text_of(limit.counter),
          {text_of(limit.max.column), text_of(limit.max.number)},
          {text_of(limit.min.column), text_of(limit.min.number)}};
}

core::TallySpec parse(const TallyRequest &request) {
  core::TallySpec tally;
  tally.via.assign(request.via, request.via + request.nvia);
  for (int i = 0; i < request.ncounters; ++i)
    tally.counters.push_back(
        {request.counters[i].column, request.counters[i].sum, text_of(request.counters[i].expression)});
  tally.completion = parse(request.completion);
  for (int i = 0; i < request.ncompletions; ++i) tally.completions.push_back(parse(request.completions[i]));
  for (int i = 0; i < request.nlimits; ++i) tally.limits.push_back(parse(request.limits[i]));
  tally.contention = request.contention;
  return tally;
}

template <typename GuardTerms>
GuardTerms *unless_same(GuardTerms *after, const GuardTerms *before) {
  return same_arguments(before->arguments, before->narguments, after->arguments, after->narguments) ? nullptr : after;
}

}  // namespace

ChildTerms *parse_child_trigger(Relation relation, const Trigger *trigger) {
  MemoryContext context = CurrentMemoryContext;
  ChildTerms *terms = nullptr;
  in_core_of(relation, [&] {
    terms = flatten(context, core::parse_child({trigger->tgargs, trigger->tgargs + trigger->tgnargs}));
  });
  return terms;
}

ChildTerms *parse_child_arguments(const char *const *arguments, int narguments) {
  MemoryContext context = CurrentMemoryContext;
  ChildTerms *terms = nullptr;
  in_core([&] { terms = flatten(context, core::parse_child({arguments, arguments + narguments})); });
  return terms;
}

ParentTerms *parse_parent_arguments(const char *const *arguments, int narguments) {
  MemoryContext context = CurrentMemoryContext;
  ParentTerms *terms = nullptr;
  in_core([&] { terms = flatten(context, core::parse_parent({arguments, arguments + narguments})); });
  return terms;
}

ParentTerms *parse_parent_trigger(Relation relation, const Trigger *trigger) {
  MemoryContext context = CurrentMemoryContext;
  ParentTerms *terms = nullptr;
  in_core_of(relation, [&] {
    terms = flatten(context, core::parse_parent({trigger->tgargs, trigger->tgargs + trigger->tgnargs}));
  });
  return terms;
}

void check_request(TallyRequest *request) {
  MemoryContext context = CurrentMemoryContext;
  in_core([&] {
    core::TallySpec tally = parse(*request);
    core::check_consistent(tally);
    request->completion.total_of = copy_optional(context, tally.completion.total_of);
    for (int i = 0; i < request->ncompletions; ++i)
      request->completions[i].total_of = copy(context, tally.completions[i].total_of);
  });
}

ChildTerms *make_child_terms(const TallyRequest &request) {
  MemoryContext context = CurrentMemoryContext;
  ChildTerms *terms = nullptr;
  in_core([&] { terms = flatten(context, parse(request)); });
  return terms;
}

ParentTerms *kept_with(const ParentTerms *before, const char *const *key, int nkey, const TallyRequest &request) {
  MemoryContext context = CurrentMemoryContext;
  ParentTerms *terms = nullptr;
  in_core([&] {
    core::ParentSpec kept = before == nullptr ? core::ParentSpec{} : parse(before);
    kept.key.assign(key, key + nkey);
    terms = flatten(context, core::with(kept, parse(request)));
  });
  return terms;
}

ParentTerms *kept_without(const ParentTerms *before, const ChildTerms *source) {
  MemoryContext context = CurrentMemoryContext;
  ParentTerms *terms = nullptr;
  in_core([&] {
    const core::ParentSpec kept = core::without(parse(before), parse(source));
    if (!kept.counters.empty()) terms = flatten(context, kept);
  });
  return terms;
}

ParentTerms *kept_less(const ParentTerms *kept, const ParentTerms *less) {
  MemoryContext context = CurrentMemoryContext;
  ParentTerms *terms = nullptr;
  in_core([&] {
    core::TallySpec removed;
    for (int i = 0; i < less->ncounters; ++i) removed.counters.push_back({less->counters[i], false, {}});
    const core::ParentSpec after = core::without(parse(kept), removed);
    if (!after.counters.empty()) terms = flatten(context, after);
  });
  return terms;
}

const char *weakened(const ChildTerms *source, const ParentTerms *kept, const TallyRequest &request) {
  MemoryContext context = CurrentMemoryContext;
  const char *difference = nullptr;
  in_core([&] {
    const core::TallySpec before = kept == nullptr ? parse(source) : core::whole(parse(source), parse(kept));
    std::string text;
    for (const std::string &phrase : core::weakened(before, parse(request)))
      text += (text.empty() ? "" : "; ") + phrase;
    difference = copy_optional(context, text);
  });
  return difference;
}

static bool counts(const ChildTerms *source, const char *counter) {
  for (int i = 0; i < source->ncounters; ++i)
    if (strcmp(counter, source->counters[i].column) == 0) return true;
  return false;
}

bool is_of(const CompletionTerm &completion, const ChildTerms *source) { return counts(source, completion.total_of); }

bool is_of(const LimitTerm &limit, const ChildTerms *source) { return counts(source, limit.counter); }

CompletionTerm completion_of(const ChildTerms *source, const ParentTerms *kept) {
  for (int i = 0; i < kept->ncompletions; ++i)
    if (kept->completions[i].when == nullptr && is_of(kept->completions[i], source)) return kept->completions[i];
  return CompletionTerm{};
}

ChildTerms *child_renamed(const ChildTerms *source, const char *from, const char *to) {
  MemoryContext context = CurrentMemoryContext;
  ChildTerms *after = nullptr;
  in_core([&] { after = flatten(context, core::child_renamed(parse(source), from, to)); });
  return unless_same(after, source);
}

ChildTerms *parent_renamed(const ChildTerms *source, const char *from, const char *to) {
  MemoryContext context = CurrentMemoryContext;
  ChildTerms *after = nullptr;
  in_core([&] { after = flatten(context, core::parent_renamed(parse(source), from, to)); });
  return unless_same(after, source);
}

ParentTerms *parent_renamed(const ParentTerms *kept, const char *from, const char *to) {
  MemoryContext context = CurrentMemoryContext;
  ParentTerms *after = nullptr;
  in_core([&] { after = flatten(context, core::parent_renamed(parse(kept), from, to)); });
  return unless_same(after, kept);
}

ChildTerms *with_expressions(const ChildTerms *source, const char *const *expressions) {
  MemoryContext context = CurrentMemoryContext;
  ChildTerms *after = nullptr;
  in_core([&] {
    core::TallySpec tally = parse(source);
    for (int i = 0; i < source->ncounters; ++i) tally.counters[i].expression = expressions[i];
    after = flatten(context, tally);
  });
  return after;
}

ParentTerms *with_conditions(const ParentTerms *kept, const char *const *conditions) {
  MemoryContext context = CurrentMemoryContext;
  ParentTerms *after = nullptr;
  in_core([&] {
    core::ParentSpec spec = parse(kept);
    for (int i = 0; i < kept->ncompletions; ++i)
      if (!spec.completions[i].when.empty()) spec.completions[i].when = conditions[i];
    after = flatten(context, spec);
  });
  return after;
}

}  // namespace ratchet
