// pg/user_context.h: running statements as the owner of the tables, as referential actions do.
//
// Nothing has to be undone by hand after an error: the abort of the
// (sub)transaction restores the user.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "miscadmin.h"
#include "utils/acl.h"
}

#include "pg/guc_nest.h"

namespace ratchet {

struct User {
  Oid role;
  int security;
};

// For running what the owner of a table has written as him: nothing more for himself; for anybody else, a superuser
// above all, a security-restricted operation, which leaves nothing behind that would run as the caller.
inline int restriction_for(Oid owner) { return GetUserId() == owner ? 0 : SECURITY_RESTRICTED_OPERATION; }

// Becomes another role. flags: SECURITY_NOFORCE_RLS, or 0. Returns who it was.
inline User become(Oid role, int flags) {
  User before;
  GetUserIdAndSecContext(&before.role, &before.security);
  SetUserIdAndSecContext(role, before.security | SECURITY_LOCAL_USERID_CHANGE | flags);
  return before;
}

inline void restore(const User &user) { SetUserIdAndSecContext(user.role, user.security); }

// Writing a parent's rows, whose triggers then run as the owner. A caller who
// has the owner's rights anyway keeps his settings. Anybody else must not lend
// the owner a search_path: most trigger functions name their tables without a schema.
struct Writing {
  User caller;
  int level;  // of the settings; 0: they were left alone
};

inline Writing start_writing(Oid owner, Oid parent, int flags) {
  Writing writing{{}, 0};
  // A background worker is the owner, but has nobody's settings.
  if (!has_privs_of_role(GetUserId(), owner) || MyBackendType == B_BG_WORKER) {
    writing.level = NewGUCNestLevel();
    const char *schema = get_namespace_name(get_rel_namespace(parent));
    set_local("search_path", psprintf("pg_catalog, %s, pg_temp", quote_identifier(schema)));
  }
  writing.caller = become(owner, SECURITY_NOFORCE_RLS | flags);
  return writing;
}

inline void end_writing(const Writing &writing) {
  restore(writing.caller);
  if (writing.level > 0) AtEOXact_GUC(true, writing.level);
}

}  // namespace ratchet
