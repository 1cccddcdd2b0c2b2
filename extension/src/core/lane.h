// core/lane.h: included last by every source file of the core lane.
//
// The core lane may own std containers and throw exceptions because no
// PostgreSQL call, and so no longjmp, can cross it. A PostgreSQL header that
// reaches it would break that silently; this makes it a build error instead.
#if defined(POSTGRES_H) || defined(FMGR_H) || defined(ELOG_H)
#error "PostgreSQL headers must not be included by extension/src/core"
#endif
