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
          copy_optional(context, completion.done),
          copy_optional(context, completion.done_at),
          copy_optional(context, completion.on_done),
          completion.latch,
          completion.notify,
          copy_optional(context, completion.time_zone)};
}

SourceTerms *flatten(MemoryContext context, const core::Tally &tally) {
  auto *terms = allocate<SourceTerms>(context, 1);
  const std::vector<std::string> arguments = core::source_arguments(tally);
  terms->via = copy_all(context, tally.via);
  terms->nvia = static_cast<int>(tally.via.size());
  terms->ncounters = static_cast<int>(tally.counters.size());
  terms->counters = allocate<CounterTerm>(context, tally.counters.size());
  for (int i = 0; i < terms->ncounters; ++i) terms->counters[i] = flatten(context, tally.counters[i]);
  terms->arguments = copy_all(context, arguments);
  terms->narguments = static_cast<int>(arguments.size());
  return terms;
}

KeptTerms *flatten(MemoryContext context, const core::Kept &kept) {
  auto *terms = allocate<KeptTerms>(context, 1);
  const std::vector<std::string> guarded = kept.guarded();
  const std::vector<std::string> arguments = core::kept_arguments(kept);
  terms->key = copy_all(context, kept.key);
  terms->nkey = static_cast<int>(kept.key.size());
  terms->counters = copy_all(context, kept.counters);
  terms->ncounters = static_cast<int>(kept.counters.size());
  terms->ncompletions = static_cast<int>(kept.completions.size());
  terms->completions = allocate<CompletionTerm>(context, kept.completions.size());
  for (int i = 0; i < terms->ncompletions; ++i) terms->completions[i] = flatten(context, kept.completions[i]);
  terms->guarded = copy_all(context, guarded);
  terms->nguarded = static_cast<int>(guarded.size());
  terms->arguments = copy_all(context, arguments);
  terms->narguments = static_cast<int>(arguments.size());
  return terms;
}

core::Tally parse(const SourceTerms *source) {
  return core::parse_source({source->arguments, source->arguments + source->narguments});
}

core::Kept parse(const KeptTerms *kept) {
  return core::parse_kept({kept->arguments, kept->arguments + kept->narguments});
}

core::Tally parse(const TallyRequest &request) {
  core::Tally tally;
  tally.via.assign(request.via, request.via + request.nvia);
  for (int i = 0; i < request.ncounters; ++i)
    tally.counters.push_back(
        {request.counters[i].column, request.counters[i].sum, text_of(request.counters[i].expression)});
  const CompletionTerm &completion = request.completion;
  tally.completion = {text_of(completion.total),   text_of(completion.total_of), text_of(completion.done),
                      text_of(completion.done_at), text_of(completion.on_done),  completion.latch,
                      completion.notify,           text_of(completion.time_zone)};
  return tally;
}

template <typename Terms>
Terms *unless_same(Terms *after, const Terms *before) {
  return same_arguments(before->arguments, before->narguments, after->arguments, after->narguments) ? nullptr : after;
}

}  // namespace

SourceTerms *source_of_trigger(Relation relation, const Trigger *trigger) {
  MemoryContext context = CurrentMemoryContext;
  SourceTerms *terms = nullptr;
  in_core_of(relation, [&] {
    terms = flatten(context, core::parse_source({trigger->tgargs, trigger->tgargs + trigger->tgnargs}));
  });
  return terms;
}

SourceTerms *source_of_arguments(const char *const *arguments, int narguments) {
  MemoryContext context = CurrentMemoryContext;
  SourceTerms *terms = nullptr;
  in_core([&] { terms = flatten(context, core::parse_source({arguments, arguments + narguments})); });
  return terms;
}

KeptTerms *kept_of_arguments(const char *const *arguments, int narguments) {
  MemoryContext context = CurrentMemoryContext;
  KeptTerms *terms = nullptr;
  in_core([&] { terms = flatten(context, core::parse_kept({arguments, arguments + narguments})); });
  return terms;
}

KeptTerms *kept_of_trigger(Relation relation, const Trigger *trigger) {
  MemoryContext context = CurrentMemoryContext;
  KeptTerms *terms = nullptr;
  in_core_of(relation, [&] {
    terms = flatten(context, core::parse_kept({trigger->tgargs, trigger->tgargs + trigger->tgnargs}));
  });
  return terms;
}

void check_request(TallyRequest *request) {
  MemoryContext context = CurrentMemoryContext;
  in_core([&] {
    core::Tally tally = parse(*request);
    core::check_consistent(tally);
    request->completion.total_of = copy_optional(context, tally.completion.total_of);
  });
}

SourceTerms *source_of_request(const TallyRequest &request) {
  MemoryContext context = CurrentMemoryContext;
  SourceTerms *terms = nullptr;
  in_core([&] { terms = flatten(context, parse(request)); });
  return terms;
}

KeptTerms *kept_with(const KeptTerms *before, const char *const *key, int nkey, const TallyRequest &request) {
  MemoryContext context = CurrentMemoryContext;
  KeptTerms *terms = nullptr;
  in_core([&] {
    core::Kept kept = before == nullptr ? core::Kept{} : parse(before);
    kept.key.assign(key, key + nkey);
    terms = flatten(context, core::with(kept, parse(request)));
  });
  return terms;
}

KeptTerms *kept_without(const KeptTerms *before, const SourceTerms *source) {
  MemoryContext context = CurrentMemoryContext;
  KeptTerms *terms = nullptr;
  in_core([&] {
    const core::Kept kept = core::without(parse(before), parse(source));
    if (!kept.counters.empty()) terms = flatten(context, kept);
  });
  return terms;
}

KeptTerms *kept_less(const KeptTerms *kept, const KeptTerms *less) {
  MemoryContext context = CurrentMemoryContext;
  KeptTerms *terms = nullptr;
  in_core([&] {
    core::Tally removed;
    for (int i = 0; i < less->ncounters; ++i) removed.counters.push_back({less->counters[i], false, {}});
    const core::Kept after = core::without(parse(kept), removed);
    if (!after.counters.empty()) terms = flatten(context, after);
  });
  return terms;
}

const char *weakened(const SourceTerms *source, const KeptTerms *kept, const TallyRequest &request) {
  MemoryContext context = CurrentMemoryContext;
  const char *difference = nullptr;
  in_core([&] {
    const core::Tally before = kept == nullptr ? parse(source) : core::whole(parse(source), parse(kept));
    std::string text;
    for (const std::string &phrase : core::weakened(before, parse(request)))
      text += (text.empty() ? "" : "; ") + phrase;
    difference = copy_optional(context, text);
  });
  return difference;
}

CompletionTerm completion_of(const SourceTerms *source, const KeptTerms *kept) {
  for (int i = 0; i < kept->ncompletions; ++i)
    for (int j = 0; j < source->ncounters; ++j)
      if (strcmp(kept->completions[i].total_of, source->counters[j].column) == 0) return kept->completions[i];
  return CompletionTerm{};
}

SourceTerms *child_renamed(const SourceTerms *source, const char *from, const char *to) {
  MemoryContext context = CurrentMemoryContext;
  SourceTerms *after = nullptr;
  in_core([&] { after = flatten(context, core::child_renamed(parse(source), from, to)); });
  return unless_same(after, source);
}

SourceTerms *parent_renamed(const SourceTerms *source, const char *from, const char *to) {
  MemoryContext context = CurrentMemoryContext;
  SourceTerms *after = nullptr;
  in_core([&] { after = flatten(context, core::parent_renamed(parse(source), from, to)); });
  return unless_same(after, source);
}

KeptTerms *parent_renamed(const KeptTerms *kept, const char *from, const char *to) {
  MemoryContext context = CurrentMemoryContext;
  KeptTerms *after = nullptr;
  in_core([&] { after = flatten(context, core::parent_renamed(parse(kept), from, to)); });
  return unless_same(after, kept);
}

SourceTerms *with_expressions(const SourceTerms *source, const char *const *expressions) {
  MemoryContext context = CurrentMemoryContext;
  SourceTerms *after = nullptr;
  in_core([&] {
    core::Tally tally = parse(source);
    for (int i = 0; i < source->ncounters; ++i) tally.counters[i].expression = expressions[i];
    after = flatten(context, tally);
  });
  return after;
}

}  // namespace ratchet
