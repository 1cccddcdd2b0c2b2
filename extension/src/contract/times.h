// contract/times.h: points in time as the columns of contracts hold them.
//
// A column of type timestamp holds the time of some zone. What does not come from the contract is
// the session's TimeZone, which differs from client to client.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "utils/timestamp.h"
}

namespace ratchet {

inline bool is_time(Oid type) { return type == TIMESTAMPTZOID || type == TIMESTAMPOID; }

// Whether this can be the time zone of a contract: UTC, or a full name that this server knows. Abbreviations mean
// what a setting says.
bool is_time_zone(const char *name);

// Errors: 22023 when it cannot. nullptr is none.
void check_time_zone(const char *name);

// 42R01 for a contract whose time zone this server does not know.
void require_time_zone(Relation relation, const char *name);

// Tells with a NOTICE (01R03) that a column is read and written in the session's TimeZone: it is a timestamp, and the
// contract has no time zone.
void notice_time_zone(Relation relation, const char *column, const char *time_zone);

// What a column of this base type (timestamptz or timestamp) and modifier stores. time_zone: nullptr: the session's.
Datum stored_time(Oid type, int32 typmod, const char *time_zone, TimestampTz at);

// The reverse, a timestamp with time zone.
Datum as_timestamptz(Oid type, const char *time_zone, Datum value);

// The same in SQL.
const char *timestamptz_sql(Oid type, const char *time_zone, const char *expression);

}  // namespace ratchet
