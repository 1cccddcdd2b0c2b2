#include "activity/attempt_log.h"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
}

#include "activity/memory.h"
#include "pg/list.h"
#include "pg/log_text.h"
#include "pg/sqlstate.h"

namespace ratchet {

namespace {

enum LoggedAttempts { log_off, log_violations, log_all };
enum LogFormat { format_text, format_json };

const config_enum_entry logged_attempts[] = {
    {"off", log_off, false}, {"violations", log_violations, false}, {"all", log_all, false}, {nullptr, 0, false}};
const config_enum_entry formats[] = {{"text", format_text, false}, {"json", format_json, false}, {nullptr, 0, false}};

int logged = log_violations;
int format = format_text;
bool keys = false;
int rate = 100;

bool is_violation(Event event) { return event == Event::kept || event == Event::rejected || event == Event::observed; }

// -- not too many --

LogBudget own_budget;  // where sessions share no memory

// The second and how many lines it has had are one number, so that nobody starts a second that another has begun. Who
// has read the clock just before a second ended takes part in the one that others have begun since; only a clock that
// was set back further begins anew.
bool takes_line(LogBudget *budget) {
  constexpr int line_bits = 24;
  constexpr uint64 line_mask = (UINT64CONST(1) << line_bits) - 1;
  constexpr uint64 most_ahead = 5;
  const auto now = static_cast<uint64>(GetCurrentTimestamp() / USECS_PER_SEC);
  uint64 before = pg_atomic_read_u64(&budget->lines);
  for (;;) {
    const uint64 begun = before >> line_bits;
    const bool goes_on = begun >= now && begun - now <= most_ahead;
    const uint64 lines = goes_on ? before & line_mask : 0;
    if (lines >= static_cast<uint64>(rate)) return false;
    const uint64 after = ((goes_on ? begun : now) << line_bits) | (lines + 1);
    if (pg_atomic_compare_exchange_u64(&budget->lines, &before, after)) return true;
  }
}

// false: there have been enough. suppressed: how many were not written since the last that was.
bool may_write(uint64 *suppressed) {
  *suppressed = 0;
  if (rate == 0) return true;
  const SharedMemory *memory = shared_memory();
  LogBudget *budget = memory != nullptr ? &memory->header->log_budget : &own_budget;
  if (!takes_line(budget)) {
    pg_atomic_fetch_add_u64(&budget->suppressed, 1);
    return false;
  }
  *suppressed = pg_atomic_exchange_u64(&budget->suppressed, 0);
  return true;
}

// -- what the line says --

// A JSON string, whatever the text is. Where the server's encoding is not UTF-8 the bytes that are not ASCII are
// escaped one by one: a character that has no counterpart there must not fail the write that is told of.
void append_string(StringInfo line, const char *text) {
  if (GetDatabaseEncoding() == PG_UTF8) {
    escape_json(line, text);
    return;
  }
  StringInfoData ascii;
  initStringInfo(&ascii);
  appendStringInfoChar(line, '"');
  for (const char *c = text; *c != '\0'; ++c) {
    if (IS_HIGHBIT_SET(*c)) {
      appendStringInfo(line, "\\u00%02x", static_cast<unsigned char>(*c));
      continue;
    }
    const char one[] = {*c, '\0'};
    resetStringInfo(&ascii);
    escape_json(&ascii, one);
    appendBinaryStringInfo(line, ascii.data + 1, ascii.len - 2);
  }
  appendStringInfoChar(line, '"');
  pfree(ascii.data);
}

// In a line of key=value: as it is where that cannot be taken for anything else.
void append_word(StringInfo line, const char *text) {
  if (word_for_log(text) == text)
    appendStringInfoString(line, text);
  else
    append_string(line, text);
}

class Line {
 public:
  Line() {
    initStringInfo(&text_);
    if (format == format_json) appendStringInfoString(&text_, "{\"ratchet\": \"attempt\"");
  }

  void add(const char *name, const char *value) {
    if (value == nullptr) return;
    begin(name);
    if (format == format_json)
      append_string(&text_, value);
    else
      append_word(&text_, value);
  }

  void add(const char *name, uint64 value) {
    begin(name);
    appendStringInfo(&text_, UINT64_FORMAT, value);
  }

  void add(const char *name, const List *values) {
    if (values == NIL) return;
    begin(name);
    const bool json = format == format_json;
    if (json) appendStringInfoChar(&text_, '[');
    bool first = true;
    for (const auto *value : each<char>(values)) {
      if (!first) appendStringInfoString(&text_, json ? ", " : ",");
      first = false;
      if (json)
        append_string(&text_, value);
      else
        append_word(&text_, value);
    }
    if (json) appendStringInfoChar(&text_, ']');
  }

  const char *end() {
    if (format == format_json) appendStringInfoChar(&text_, '}');
    return text_.data;
  }

 private:
  void begin(const char *name) { appendStringInfo(&text_, format == format_json ? ", \"%s\": " : " %s=", name); }

  StringInfoData text_;
};

const char *text_of(const AttemptLine &attempt, uint64 suppressed) {
  Line line;
  line.add("event", name_of(attempt.event));
  const char *sqlstate = attempt.sqlstate == 0 ? nullptr : unpack_sql_state(attempt.sqlstate);
  if (attempt.event == Event::observed) line.add("would_be", sqlstate == nullptr ? "kept" : "rejected");
  line.add("sqlstate", sqlstate);
  const char *name = get_rel_name(attempt.relation);
  const char *schema = get_namespace_name(get_rel_namespace(attempt.relation));
  // Gone, where the statement's own triggers have dropped it.
  line.add("schema", schema);
  line.add("relation", name);
  line.add("columns", attempt.columns);
  if (attempt.rows > 1) line.add("rows", static_cast<uint64>(attempt.rows));
  if (keys) line.add("key", attempt.key);
  line.add("application", application_name == nullptr ? "" : application_name);
  if (suppressed > 0) line.add("suppressed", suppressed);
  return line.end();
}

// That a write would have been rejected is no error yet.
int code_of(const AttemptLine &attempt) {
  if (attempt.event == Event::rejected) return attempt.sqlstate;
  return is_violation(attempt.event) ? sqlstate_kept : ERRCODE_SUCCESSFUL_COMPLETION;
}

}  // namespace

void init_attempt_log() {
  pg_atomic_init_u64(&own_budget.lines, 0);
  pg_atomic_init_u64(&own_budget.suppressed, 0);
  DefineCustomEnumVariable(
      "ratchet.log", "Which attempts that contracts had to do with the server log has a line for.",
      "violations: what a contract kept, rejected or observed; all: the outcome of every call as well.", &logged,
      log_violations, logged_attempts, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomEnumVariable("ratchet.log_format", "How these lines are written: as key=value, or as JSON.", nullptr,
                           &format, format_text, formats, PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomBoolVariable("ratchet.log_keys", "Whether these lines have the keys of rows.", nullptr, &keys, false,
                           PGC_SUSET, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("ratchet.log_rate", "The most of these lines that are written in a second.",
                          "0: there is no limit. What is left out is counted, and the next line says how much it was.",
                          &rate, 100, 0, 1000000, PGC_SUSET, 0, nullptr, nullptr, nullptr);
}

bool is_logged(Event event) {
  return logged == log_all ? is_attempt(event) : logged == log_violations && is_violation(event);
}

bool logs_keys() { return keys; }

void log_attempt(const AttemptLine &attempt, bool to_client) {
  uint64 suppressed;
  if (!is_logged(attempt.event) || !may_write(&suppressed)) return;
  const char *text = text_of(attempt, suppressed);
  ereport(to_client ? LOG : LOG_SERVER_ONLY, errcode(code_of(attempt)),
          format == format_json ? errmsg_internal("%s", text) : errmsg_internal("ratchet:%s", text), errhidestmt(true),
          errhidecontext(true));
}

}  // namespace ratchet
