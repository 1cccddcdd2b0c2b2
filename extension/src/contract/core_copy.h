// contract/core_copy.h: copies of core values in backend memory.
//
// Core values own std objects and must not live across PostgreSQL calls. These
// helpers copy them, inside in_core(), into one memory context; what cannot be
// allocated is an exception, never a longjmp.
#pragma once

#include "pg/pg.h"

#include <string>
#include <vector>

#include "pg/fence.h"

namespace ratchet {

template <typename Item>
Item *allocate(MemoryContext context, std::size_t count) {
  auto *items = static_cast<Item *>(MemoryContextAllocExtended(context, sizeof(Item) * (count + 1), MCXT_ALLOC_NO_OOM));
  if (items == nullptr) throw std::bad_alloc();
  return items;
}

inline const char *copy(MemoryContext context, const std::string &text) {
  return copy_text(context, text.data(), text.size());
}

inline const char *copy_optional(MemoryContext context, const std::string &text) {
  return text.empty() ? nullptr : copy(context, text);
}

inline const char **copy_all(MemoryContext context, const std::vector<std::string> &texts) {
  auto **out = allocate<const char *>(context, texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) out[i] = copy(context, texts[i]);
  return out;
}

inline std::string text_of(const char *text) { return text == nullptr ? std::string() : std::string(text); }

inline bool same_arguments(const char *const *a, int na, const char *const *b, int nb) {
  if (na != nb) return false;
  for (int i = 0; i < na; ++i)
    if (strcmp(a[i], b[i]) != 0) return false;
  return true;
}

// An error context callback; argument: the Relation.
void name_relation(void *argument);

// in_core() for what is read from a relation's trigger: core errors know nothing of relations.
template <typename Body>
void in_core_of(Relation relation, Body &&body) {
  ErrorContextCallback callback{error_context_stack, fenced<name_relation>, relation};
  error_context_stack = &callback;
  in_core(body);
  error_context_stack = callback.previous;
}

}  // namespace ratchet
