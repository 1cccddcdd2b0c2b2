// tally/recount.h: counters against their children, counted anew.
//
// Every recount is one statement with one snapshot. It runs as the owner of
// the tables with row_security off, so that a policy which would hide rows is
// an error and never a smaller count.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/relcache.h"
}

#include "contract/statement.h"
#include "pg/user_context.h"
#include "tally/tally.h"

namespace ratchet {

// A tally with all that its statements name.
struct Subject {
  Oid child;
  Oid parent;
  const ChildTerms *source;
  const ForeignKeyCacheInfo *reference;
  List *completions;  // const CompletionTerm *: those of the tally that have a `done`
  Counters *counters;
};

// The user and settings that a recount runs under.
struct Scope {
  int level;
  User caller;
};

Scope enter(const Counters *counters);
void leave(const Scope &scope);

// Errors: 42R01 when the foreign key is gone or the parent counts nothing.
Subject find_subject(Oid child, Oid parent, const ChildTerms *source);

// Parts of statements in which t is the parent and m what was counted for its row; see tally/recount.cpp.
void write_counted(StringInfo sql, const Subject &subject, bool one_row);
void write_join(StringInfo sql, const Subject &subject);
const char *decided(const Subject &subject, const CompletionTerm &completion);
const char *parent_column(const Subject &subject, int place);
const char *counter_column(const Subject &subject, int place);

// What a counter's column is to hold: what was counted, less what lies spilled for it.
const char *counted_value(const Subject &subject, int place);
// What a counter says, with what lies spilled for it.
const char *exact_value(const Subject &subject, int place);
// After a comparison of a completion: nothing lies spilled for the row, which a fold would decide it by.
const char *unless_spilled(const Subject &subject);

// Sets the counters of one row, which the caller has locked, to what is there; returns whether they differed.
// key: as the foreign key references it.
bool recount_row(const Subject &subject, const Datum *key);

// Sets all counters of a tally to what is there. The caller holds locks that
// keep writers of the child out, and has a snapshot of after that.
void backfill(Oid child, Oid parent, const ChildTerms *source);

// Calls for what recounts have completed. For anybody but the owner, a superuser
// above all, on_done runs in a security-restricted operation.
void complete_recounted(const Subject &subject);

}  // namespace ratchet
