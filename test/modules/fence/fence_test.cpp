// fence_test.cpp: functions that throw inside the fence, and one that throws without it.
#include "pg/fence.h"

#include <new>
#include <stdexcept>
#include <string>

#include "core/error.h"

extern "C" {
RATCHET_MODULE_MAGIC("ratchet_fence_test");
}

namespace {

// Counts itself, to show that the fence unwinds: whatever was built up when something was thrown is gone afterwards.
class Witness {
 public:
  Witness() { ++alive; }
  ~Witness() { --alive; }
  Witness(const Witness &) = delete;
  Witness &operator=(const Witness &) = delete;

  static int alive;
};
int Witness::alive = 0;

void throw_after_building_something(int depth) {
  Witness witness;
  std::string owned(1000, 'x');
  if (depth > 0) return throw_after_building_something(depth - 1);
  throw std::runtime_error("thrown at the bottom, " + std::to_string(owned.size()) + " bytes owned");
}

int callback(int value) {
  if (value < 0) throw std::runtime_error("thrown in a callback");
  return value;
}

}  // namespace

RATCHET_FUNCTION(fence_runtime_error) {
  throw_after_building_something(3);
  PG_RETURN_VOID();
}

RATCHET_FUNCTION(fence_bad_alloc) {
  Witness witness;
  throw std::bad_alloc();
}

RATCHET_FUNCTION(fence_huge_allocation) {
  std::string huge;
  huge.reserve(huge.max_size());
  PG_RETURN_VOID();
}

RATCHET_FUNCTION(fence_int) {
  Witness witness;
  throw 42;
}

RATCHET_FUNCTION(fence_core_error) {
  Witness witness;
  throw ratchet::core::error("22023", "a bad argument", "What is wrong with it.", "What to do about it.");
}

// Longer than the fence's buffer, in characters of two bytes: must be cut between two of them.
RATCHET_FUNCTION(fence_long_message) {
  std::string message("x");
  for (int i = 0; i < 10000; ++i) message += "\xC3\xA4";
  throw std::runtime_error(message);
}

RATCHET_FUNCTION(fence_callback) { PG_RETURN_INT32(ratchet::fenced<callback>(PG_GETARG_INT32(0))); }

RATCHET_FUNCTION(fence_in_core) {
  ratchet::in_core([] { throw_after_building_something(3); });
  PG_RETURN_VOID();
}

// PostgreSQL's own errors pass through as they are.
RATCHET_FUNCTION(fence_ereport) {
  ereport(ERROR, errcode(ERRCODE_DIVISION_BY_ZERO), errmsg("an error of the server"));
  PG_RETURN_VOID();
}

RATCHET_FUNCTION(fence_nothing) { PG_RETURN_TEXT_P(cstring_to_text("nothing thrown")); }

RATCHET_FUNCTION(fence_witnesses) { PG_RETURN_INT32(Witness::alive); }

// The control: the same exception without a fence, which ends the whole server.
extern "C" {
PG_FUNCTION_INFO_V1(unfenced_runtime_error);
PGDLLEXPORT Datum unfenced_runtime_error(PG_FUNCTION_ARGS);

Datum unfenced_runtime_error(PG_FUNCTION_ARGS) {
  (void)fcinfo;
  throw_after_building_something(3);
  PG_RETURN_VOID();
}
}
