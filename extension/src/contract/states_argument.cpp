#include "contract/states_argument.h"
#include "pg/memory.h"

extern "C" {
#include "utils/fmgrprotos.h"
}

#include <algorithm>

#include "contract/errors.h"

namespace ratchet {

namespace {

[[noreturn]] void error_shape(const char *hint = nullptr) {
  error_argument("states must be a JSON object of columns, their states and where these lead",
                 hint != nullptr
                     ? hint
                     : "For example {\"status\": {\"queued\": [\"running\"], \"running\": [\"done\", \"failed\"], "
                       "\"done\": [], \"failed\": []}}.");
}

// A state's name: a string, or the number of an integer column.
const char *name_of(const JsonbValue &value) {
  if (value.type == jbvString) return pnstrdup(value.val.string.val, value.val.string.len);
  if (value.type != jbvNumeric) error_shape();
  return DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric)));
}

}  // namespace

const char **graph_arguments(const Jsonb *states, int *count) {
  if (!JB_ROOT_IS_OBJECT(states) || JB_ROOT_COUNT(states) == 0) error_shape(hint_encoded_twice(states));
  List *arguments = NIL;
  const auto add = [&](const char *name, const JsonbValue &value) {
    arguments = lappend(arguments, psprintf("%s=%s", name, name_of(value)));
  };
  // 1: the columns, 2: the states of one, 3: where one of them leads.
  int depth = 0;
  JsonbIterator *iterator = JsonbIteratorInit(&const_cast<Jsonb *>(states)->root);
  JsonbValue value;
  for (JsonbIteratorToken token; (token = JsonbIteratorNext(&iterator, &value, false)) != WJB_DONE;) {
    switch (token) {
      case WJB_BEGIN_OBJECT:
        if (++depth > 2) error_shape();
        break;
      case WJB_BEGIN_ARRAY:
        if (++depth != 3) error_shape();
        break;
      case WJB_END_OBJECT:
      case WJB_END_ARRAY:
        --depth;
        break;
      case WJB_KEY:
        add(depth == 1 ? "state" : "from", value);
        break;
      case WJB_ELEM:
        if (depth != 3) error_shape();
        add("to", value);
        break;
      default:
        error_shape();
    }
  }
  *count = list_length(arguments);
  auto **result = palloc_array<const char *>(*count);
  for (int i = 0; i < *count; ++i) result[i] = static_cast<const char *>(list_nth(arguments, i));
  return result;
}

}  // namespace ratchet
