#include "pg/pg.h"

extern "C" {
#include "pgtime.h"
#include "utils/fmgrprotos.h"
}

#include "contract/errors.h"
#include "contract/times.h"

namespace ratchet {

bool is_time_zone(const char *name) {
  if (pg_strcasecmp(name, "UTC") == 0) return true;
  // No abbreviation has a slash.
  return strchr(name, '/') != nullptr && strlen(name) <= TZ_STRLEN_MAX && pg_tzset(name) != nullptr;
}

void check_time_zone(const char *name) {
  if (name == nullptr || is_time_zone(name)) return;
  error_argument(psprintf("invalid time_zone \"%s\"", name),
                 "It is 'UTC' or a full name from pg_timezone_names such as 'Europe/Berlin'.");
}

void require_time_zone(Relation relation, const char *name) {
  if (name == nullptr || is_time_zone(name)) return;
  error_unenforceable(relation, psprintf("the server does not know time zone \"%s\"", name),
                      "Declare the contract with a time_zone from pg_timezone_names.");
}

void notice_time_zone(Relation relation, const char *column, const char *time_zone) {
  if (column == nullptr || time_zone != nullptr) return;
  const Oid relid = RelationGetRelid(relation);
  if (getBaseType(get_atttype(relid, get_attnum(relid, column))) != TIMESTAMPOID) return;
  ereport(NOTICE, errcode(sqlstate_session_time_zone),
          errmsg("column \"%s\" of relation \"%s\" is read and written in each session's TimeZone", column,
                 RelationGetRelationName(relation)),
          errdetail("It is a timestamp without time zone, and the contract does not say of which zone."),
          errhint("Declare the contract with time_zone, for example time_zone => 'UTC'."),
          errtablecolname(relation, column));
}

Datum stored_time(Oid type, int32 typmod, const char *time_zone, TimestampTz at) {
  Datum value = TimestampTzGetDatum(at);
  if (type == TIMESTAMPOID)
    value = time_zone == nullptr ? DirectFunctionCall1(timestamptz_timestamp, value)
                                 : DirectFunctionCall2(timestamptz_zone, CStringGetTextDatum(time_zone), value);
  if (typmod < 0) return value;
  return DirectFunctionCall2(type == TIMESTAMPOID ? timestamp_scale : timestamptz_scale, value, Int32GetDatum(typmod));
}

Datum as_timestamptz(Oid type, const char *time_zone, Datum value) {
  if (type == TIMESTAMPTZOID) return value;
  return time_zone == nullptr ? DirectFunctionCall1(timestamp_timestamptz, value)
                              : DirectFunctionCall2(timestamp_zone, CStringGetTextDatum(time_zone), value);
}

const char *timestamptz_sql(Oid type, const char *time_zone, const char *expression) {
  if (type == TIMESTAMPTZOID || time_zone == nullptr) return psprintf("%s::pg_catalog.timestamptz", expression);
  return psprintf("pg_catalog.timezone(%s, %s::pg_catalog.timestamp)", quote_literal_cstr(time_zone), expression);
}

}  // namespace ratchet
