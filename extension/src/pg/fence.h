// pg/fence.h: the fence between C++ exceptions and PostgreSQL's longjmp.
//
// An exception that escapes into the backend ends the whole server; an
// ereport(ERROR) skips destructors. So every function that PostgreSQL calls
// is defined by RATCHET_FUNCTION, and every hook or callback goes through
// fenced<>. Both catch whatever is thrown, copy it to a fixed buffer, leave
// the catch clause (which frees the exception), and only then ereport.
#pragma once

#include "pg/pg.h"

#include <exception>
#include <new>

#include "core/error.h"

namespace ratchet {

// What was caught, in fixed memory: trivially destructible, so the longjmp of
// raise() skips nothing.
struct Failure {
  char sqlstate[6];
  char message[512];
  char detail[1024];
  char hint[512];

  void set(const core::error &caught) noexcept;
  void set_out_of_memory() noexcept;
  void set_internal(const char *what) noexcept;
};

[[noreturn]] void raise(const Failure &failure);

// Runs a body that may throw: core code in the middle of backend code, which
// owns std objects and so must not call PostgreSQL. What it throws becomes an ereport(ERROR) once the
// catch clause has been left. A longjmp out of the body needs no help: a try
// block has no state to undo.
template <typename Body>
auto in_core(Body &&body) -> decltype(body()) {
  Failure failure;
  try {
    return body();
  } catch (const core::error &caught) {
    failure.set(caught);
  } catch (const std::bad_alloc &) {
    failure.set_out_of_memory();
  } catch (const std::exception &caught) {
    failure.set_internal(caught.what());
  } catch (...) {
    failure.set_internal("unknown C++ exception");
  }
  raise(failure);
}

template <auto Function>
struct fence;

template <typename Result, typename... Arguments, Result (*Function)(Arguments...)>
struct fence<Function> {
  static Result call(Arguments... arguments) {
    return in_core([&] { return Function(arguments...); });
  }
};

// The fenced form of a function, to be handed to PostgreSQL as a hook or
// callback: register_hook(fenced<my_hook>).
template <auto Function>
inline constexpr auto fenced = &fence<Function>::call;

// Copies text into a memory context from core code: a failed allocation is an
// exception, never a longjmp across living std objects.
char *copy_text(MemoryContext context, const char *text, std::size_t length);

}  // namespace ratchet

// Defines one SQL-callable function: RATCHET_FUNCTION(symbol) { ... fcinfo ... }
// The only place where PG_FUNCTION_INFO_V1 may appear; the tests grep for it.
#define RATCHET_FUNCTION(symbol)                                                                                       \
  extern "C" {                                                                                                         \
  PG_FUNCTION_INFO_V1(symbol);                                                                                         \
  }                                                                                                                    \
  static Datum symbol##_body(FunctionCallInfo fcinfo);                                                                 \
  extern "C" PGDLLEXPORT Datum symbol(FunctionCallInfo fcinfo) { return ratchet::fence<symbol##_body>::call(fcinfo); } \
  static Datum symbol##_body([[maybe_unused]] FunctionCallInfo fcinfo)
