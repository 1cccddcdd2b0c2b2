#include "pg/pg.h"

extern "C" {
#include "access/xact.h"
#include "executor/executor.h"
#include "utils/acl.h"
#include "utils/guc.h"
}

#include "contract/errors.h"
#include "contract/guarded_column.h"
#include "contract/kept_notice.h"
#include "contract/report_row.h"
#include "pg/fence.h"
#include "pg/list.h"
#include "pg/memory.h"

namespace ratchet {

namespace {

struct Note {
  Oid root;
  const GuardedColumn *guarded;  // lives at least until the end of the transaction
  Bitmapset *columns;            // places in guarded
  Bitmapset *readable;           // those of them that the writer may be told of
  const char *key;               // of the first row; nullptr: not logged
  uint64 rows;
  Told told;
  int sqlstate;                // with which it would have been rejected; 0: it would not
  const TupleTableSlot *slot;  // compared, never read: it belongs to the statement's executor
  SubTransactionId subtransaction;
};

constexpr int max_notes = 1024;  // more than statements are nested, times partitions that one of them writes

List *notes;  // Note *, in TopTransactionContext
bool kept_notice = true;

// A transaction may have very many statements.
void discard(Note *note) {
  bms_free(note->columns);
  bms_free(note->readable);
  if (note->key != nullptr) pfree(const_cast<char *>(note->key));
  pfree(note);
}

//   "a", "b"
const char *quoted_list(const List *names) {
  StringInfoData out;
  initStringInfo(&out);
  for (const char *name : each<char>(names)) appendStringInfo(&out, "%s\"%s\"", out.len > 0 ? ", " : "", name);
  return out.data;
}

int message_kept(bool one_column, unsigned long rows, const char *columns, const char *table) {
  return one_column
             ? errmsg_plural("column %s of relation \"%s\" kept its value in %lu row",
                             "column %s of relation \"%s\" kept its value in %lu rows", rows, columns, table, rows)
             : errmsg_plural("columns %s of relation \"%s\" kept their values in %lu row",
                             "columns %s of relation \"%s\" kept their values in %lu rows", rows, columns, table, rows);
}

int message_row_kept(unsigned long rows, const char *columns, const char *table) {
  return errmsg_plural("%lu row of relation \"%s\" stayed as it was: the write brought an older value of column %s",
                       "%lu rows of relation \"%s\" stayed as they were: the write brought an older value of column %s",
                       rows, rows, table, columns);
}

// The columns that the writer may be told of: where he may not read one, that it was kept would tell him its value.
Bitmapset *readable(Oid root, const GuardedColumn *guarded, const Bitmapset *columns) {
  if (pg_class_aclcheck(root, GetUserId(), ACL_SELECT) == ACLCHECK_OK) return bms_copy(columns);
  Bitmapset *told = nullptr;
  for (int place = -1; (place = bms_next_member(columns, place)) >= 0;) {
    const AttrNumber attnum = get_attnum(root, guarded[place].name);
    if (attnum != InvalidAttrNumber && pg_attribute_aclcheck(root, attnum, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
      told = bms_add_member(told, place);
  }
  return told;
}

void notify(const Note *note) {
  // The table may have been dropped by the statement's own triggers.
  const char *table = get_rel_name(note->root);
  if (!kept_notice || note->told == Told::observed || note->readable == nullptr || table == nullptr) return;
  const char *schema = get_namespace_name(get_rel_namespace(note->root));
  const List *names = names_at(note->guarded, note->readable);
  const char *columns = quoted_list(names);
  const auto rows = static_cast<unsigned long>(note->rows);
  ereport(NOTICE, errcode(sqlstate_kept),
          note->told == Told::kept ? message_kept(list_length(names) == 1, rows, columns, table)
                                   : message_row_kept(rows, columns, table),
          errhint("ratchet.describe() shows what is guarded, and how."),
          err_generic_string(PG_DIAG_SCHEMA_NAME, schema), err_generic_string(PG_DIAG_TABLE_NAME, table));
}

Event event_of(const Note *note) { return note->told == Told::observed ? Event::observed : Event::kept; }

// A client may ask for what goes to the log. Of what was kept it has the notice.
void log(const Note *note) {
  const bool may_read = bms_equal(note->readable, note->columns);
  log_attempt({note->root, event_of(note), static_cast<int64>(note->rows), names_at(note->guarded, note->columns),
               note->key, note->sqlstate},
              note->told == Told::observed && may_read && !logs_keys());
}

void tell(const Note *note) {
  notify(note);
  log(note);
}

// The key of the row, in the current memory context. scratch: for what is needed to make it.
const char *copied_key(const TriggerData *trigger, MemoryContext scratch) {
  MemoryContext lasting = MemoryContextSwitchTo(scratch);
  const char *key = key_of_row(trigger);
  MemoryContextSwitchTo(lasting);
  return key == nullptr ? nullptr : pstrdup(key);
}

// The note among these that tells of the same table in the same way.
Note *find_note(List *among, const Note *like) {
  for (auto *note : each<Note>(among)) {
    // No column has two contracts, so the first name tells them apart; partitions have the same names.
    if (note->root == like->root && note->told == like->told && note->sqlstate == like->sqlstate &&
        strcmp(note->guarded[0].name, like->guarded[0].name) == 0)
      return note;
  }
  return nullptr;
}

}  // namespace

void init_notes() {
  DefineCustomBoolVariable("ratchet.kept_notice",
                           "Raises a NOTICE for each statement that a contract kept from changing guarded columns.",
                           "It is for the client; what the server log has is the matter of ratchet.log.", &kept_notice,
                           true, PGC_USERSET, 0, nullptr, nullptr, nullptr);
}

void report_kept(const EState *estate) {
  if (notes == NIL) return;
  List *mine = NIL;
  ListCell *cell;
  foreach (cell, notes) {
    auto *note = static_cast<Note *>(lfirst(cell));
    if (!list_member_ptr(estate->es_tupleTable, note->slot)) continue;
    notes = foreach_delete_current(notes, cell);
    if (Note *first = find_note(mine, note)) {
      first->columns = bms_add_members(first->columns, note->columns);
      first->readable = bms_add_members(first->readable, note->readable);
      first->rows += note->rows;
      discard(note);
    } else {
      mine = lappend(mine, note);
    }
  }
  for (auto *note : each<Note>(mine)) {
    tell(note);
    discard(note);
  }
  list_free(mine);
}

// The memory goes with the transaction.
void forget_notes() { notes = NIL; }

void forget_notes_since(SubTransactionId subtransaction) {
  ListCell *cell;
  foreach (cell, notes) {
    auto *note = static_cast<Note *>(lfirst(cell));
    // A statement that began in an aborted subtransaction cannot finish, nor can those nested in it.
    if (note->subtransaction < subtransaction) continue;
    notes = foreach_delete_current(notes, cell);
    discard(note);
  }
}

void note_row(const TriggerData *trigger, Oid root, const GuardedColumn *guarded, const Bitmapset *columns, Told told,
              int sqlstate) {
  if (bms_is_empty(columns)) return;
  MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
  Note *note = nullptr;
  for (auto *known : each<Note>(notes)) {
    if (known->slot != trigger->tg_trigslot || known->root != root || known->guarded != guarded ||
        known->told != told || known->sqlstate != sqlstate)
      continue;
    note = known;
    break;
  }
  if (note == nullptr) {
    // Writers without an executor, such as logical replication's apply, never finish a statement.
    if (list_length(notes) >= max_notes) {
      discard(static_cast<Note *>(linitial(notes)));
      notes = list_delete_first(notes);
    }
    note = palloc0_object<Note>();
    note->root = root;
    note->guarded = guarded;
    note->told = told;
    note->sqlstate = sqlstate;
    note->slot = trigger->tg_trigslot;
    note->subtransaction = GetCurrentSubTransactionId();
    if (logs_keys() && is_logged(event_of(note))) note->key = copied_key(trigger, caller);
    notes = lappend(notes, note);
  }
  note->columns = bms_add_members(note->columns, columns);
  Bitmapset *told_of = readable(root, guarded, columns);
  note->readable = bms_add_members(note->readable, told_of);
  bms_free(told_of);
  ++note->rows;
  MemoryContextSwitchTo(caller);
}

}  // namespace ratchet
