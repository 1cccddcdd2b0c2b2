// owner.h: running statements as the owner of the tables, as referential actions do.
//
// Nothing has to be undone by hand after an error: the abort of the
// (sub)transaction restores the user.
#pragma once

#include "pg/pg.h"

namespace ratchet {

struct User {
  Oid role;
  int security;
};

// Becomes another role. flags: SECURITY_NOFORCE_RLS, or 0. Returns who it was.
inline User become(Oid role, int flags) {
  User before;
  GetUserIdAndSecContext(&before.role, &before.security);
  SetUserIdAndSecContext(role, before.security | SECURITY_LOCAL_USERID_CHANGE | flags);
  return before;
}

inline void restore(const User &user) { SetUserIdAndSecContext(user.role, user.security); }

}  // namespace ratchet
