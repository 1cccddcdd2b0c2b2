// pg/fence.h: the fence between C++ exceptions and PostgreSQL's longjmp.
//
// An exception that escapes into the backend ends the whole server; an
// ereport(ERROR) skips destructors. So every function that PostgreSQL calls
// is defined by RATCHET_FUNCTION, and every hook or callback goes through
// fenced<>. Both catch whatever is thrown, copy it to a fixed buffer, leave
// the catch clause (which frees the exception), and only then ereport.
// The buffer is not on the stack: triggers and hooks run for every row, and a
// frame of two kilobytes would keep all they call away from the part of the stack that
// is in the processor's cache.
#pragma once

#include "pg/pg.h"

#include <cstddef>
#include <type_traits>

namespace ratchet {

// Copies the exception that is being handled to a buffer of the process, so that nothing
// of it is left to destroy when raise_kept() jumps.
void keep_exception() noexcept;

// What keep_exception() kept, as an ereport(ERROR).
[[noreturn]] void raise_kept();

// Runs a body that may throw: core code in the middle of backend code, which
// owns std objects and so must not call PostgreSQL. What it throws becomes an ereport(ERROR) once the
// catch clause has been left. A longjmp out of the body needs no help: a try
// block has no state to undo.
template <typename Body>
auto in_core(Body &&body) -> decltype(body()) {
  try {
    return body();
  } catch (...) {
    keep_exception();
  }
  raise_kept();
}

template <auto Function>
struct fence;

template <typename Result, typename... Arguments, Result (*Function)(Arguments...)>
struct fence<Function> {
  static Result call(Arguments... arguments) {
    // Neither a return nor an exception out of PG_TRY may leave the handlers pointing into a frame that is gone.
    [[maybe_unused]] const sigjmp_buf *handlers = PG_exception_stack;
    try {
      if constexpr (std::is_void_v<Result>) {
        Function(arguments...);
        Assert(PG_exception_stack == handlers);
        return;
      } else {
        const Result result = Function(arguments...);
        Assert(PG_exception_stack == handlers);
        return result;
      }
    } catch (...) {
      keep_exception();
    }
    Assert(PG_exception_stack == handlers);
    raise_kept();
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

// Defines the main function of a background worker: RATCHET_WORKER(symbol) { ... argument ... }
#define RATCHET_WORKER(symbol)                                                                          \
  static void symbol##_body(Datum argument);                                                            \
  extern "C" PGDLLEXPORT void symbol(Datum argument);                                                   \
  extern "C" PGDLLEXPORT void symbol(Datum argument) { ratchet::fence<symbol##_body>::call(argument); } \
  static void symbol##_body([[maybe_unused]] Datum argument)
