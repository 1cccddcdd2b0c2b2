// pg/sqlstate.h: the SQLSTATEs that are ratchet's own; what they mean, and why these classes, is in contract/errors.h.
#pragma once

#include "pg/pg.h"

namespace ratchet {

inline constexpr int sqlstate_guarded_column = MAKE_SQLSTATE('2', '3', 'R', '0', '1');
inline constexpr int sqlstate_transition = MAKE_SQLSTATE('2', '3', 'R', '0', '2');
inline constexpr int sqlstate_backward = MAKE_SQLSTATE('2', '3', 'R', '0', '3');
inline constexpr int sqlstate_stale = MAKE_SQLSTATE('2', '3', 'R', '0', '4');
inline constexpr int sqlstate_limit = MAKE_SQLSTATE('2', '3', 'R', '0', '5');
inline constexpr int sqlstate_unenforceable = MAKE_SQLSTATE('4', '2', 'R', '0', '1');
inline constexpr int sqlstate_kept = MAKE_SQLSTATE('0', '1', 'R', '0', '1');
inline constexpr int sqlstate_rows_broken = MAKE_SQLSTATE('0', '1', 'R', '0', '2');
inline constexpr int sqlstate_session_time_zone = MAKE_SQLSTATE('0', '1', 'R', '0', '3');
inline constexpr int sqlstate_no_key = MAKE_SQLSTATE('0', '1', 'R', '0', '4');

}  // namespace ratchet
