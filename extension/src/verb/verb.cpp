#include "pg/pg.h"

extern "C" {
#include "utils/acl.h"
#include "utils/timestamp.h"
}

#include <algorithm>

#include "contract/errors.h"
#include "contract/report_row.h"
#include "contract/times.h"
#include "pg/memory.h"
#include "pg/quote.h"
#include "pg/row_value.h"
#include "verb/verb.h"

namespace ratchet {

namespace {

const char *column(const Target &target, AttrNumber attnum) {
  return quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(target.relation), attnum - 1)->attname));
}

//   t."c" OPERATOR(pg_catalog.=) $1
void write_equal(SqlWriter *writer, const Field &field) {
  appendStringInfo(&writer->sql, "t.%s %s $%d", quote_identifier(field.name),
                   qualified_operator(equality_operator(field.type)), ++writer->parameters);
}

//   (t."c" IS NULL AND $1 IS NULL OR (t."c" OPERATOR(pg_catalog.=) $1) IS TRUE)
// IS NOT DISTINCT FROM would look its operator up in the caller's search_path. A jsonb column may hold SQL's null or
// JSON's, which are one and the same to whoever has read the row as JSON and names it so.
void write_same(SqlWriter *writer, const Field &field) {
  const char *name = quote_identifier(field.name);
  const bool json = getBaseType(field.type) == JSONBOID;
  appendStringInfo(&writer->sql,
                   json ? "((t.%s IS NULL OR t.%s OPERATOR(pg_catalog.=) 'null'::pg_catalog.jsonb)" : "(t.%s IS NULL",
                   name, name);
  appendStringInfo(&writer->sql, " AND $%d IS NULL OR (", writer->parameters + 1);
  write_equal(writer, field);
  appendStringInfoString(&writer->sql, ") IS TRUE)");
}

//   SELECT t.<gate>, t.<time>, t.<actor>, t.<idempotency key>, <test of each expected value>
//   FROM schema.table t WHERE <key> [FOR NO KEY UPDATE]
const Statement *probe_statement(const Target &target, const Fields &expect, Sees sees, bool locked,
                                 Parameters *parameters) {
  add_parameters(parameters, expect);
  add_parameters(parameters, target.key);
  Signature signature{};
  sign(&signature, locked ? StatementKind::locked_probe : StatementKind::probe);
  sign(&signature, static_cast<int16>(sees));
  sign(&signature, target.key);
  sign(&signature, expect);
  if (const Statement *known = find_statement(target.contract, signature)) return known;

  SqlWriter writer;
  init_writer(&writer);
  const GuardContract *contract = target.contract;
  const AttrNumber seen[] = {contract->gate, closing_time(contract), contract->actor,
                             sees == Sees::closing_and_key ? contract->idempotency_key : AttrNumber{InvalidAttrNumber}};
  const char *joint = "SELECT ";
  for (const AttrNumber attnum : seen) {
    if (attnum == InvalidAttrNumber || sees == Sees::expectations)
      appendStringInfo(&writer.sql, "%sNULL::pg_catalog.text", joint);
    else
      appendStringInfo(&writer.sql, "%st.%s", joint, column(target, attnum));
    joint = ", ";
  }
  for (const Field &field : expect) {
    appendStringInfoString(&writer.sql, ", ");
    write_same(&writer, field);
  }
  appendStringInfo(&writer.sql, " FROM %s t", qualified_relation(contract->relation));
  write_key(&writer, target);
  if (locked) appendStringInfoString(&writer.sql, " FOR NO KEY UPDATE");
  return prepare_statement(target.contract, signature, writer.sql.data, *parameters);
}

Probe look(const Target &target, const Fields &expect, Sees sees, bool locked) {
  Parameters parameters{};
  const Statement *statement = probe_statement(target, expect, sees, locked, &parameters);
  const Row row = run_statement(statement, parameters, target.contract->relation, nullptr);

  Probe seen{};
  seen.found = row.found;
  if (!row.found) return seen;
  const GuardContract *contract = target.contract;
  seen.closed = gate_is_closed(contract, row.values[0], row.nulls[0]);
  seen.closed_at_null = row.nulls[1] || closing_time(contract) == InvalidAttrNumber;
  if (!seen.closed_at_null) seen.closed_at = closing_timestamptz(target, row.values[1]);
  seen.actor = row.values[2];
  if (!row.nulls[2]) seen.closed_by = OutputFunctionCall(&target.contract->actor_output, row.values[2]);
  seen.idempotency_key = row.values[3];
  seen.idempotency_key_null = row.nulls[3];
  for (int i = 0; i < expect.count; ++i)
    if (!DatumGetBool(row.values[4 + i])) seen.stale = lappend(seen.stale, const_cast<char *>(expect.items[i].name));
  return seen;
}

}  // namespace

void write_key(SqlWriter *writer, const Target &target) {
  const char *joint = " WHERE ";
  for (const Field &field : target.key) {
    appendStringInfoString(&writer->sql, joint);
    write_equal(writer, field);
    joint = " AND ";
  }
}

void write_update(SqlWriter *writer, const Target &target, const Fields &set) {
  appendStringInfo(&writer->sql, "UPDATE %s t SET ", qualified_relation(target.contract->relation));
  for (const Field &field : set) {
    const char *joint = writer->parameters > 0 ? ", " : "";
    appendStringInfo(&writer->sql, "%s%s = $%d", joint, quote_identifier(field.name), ++writer->parameters);
  }
  write_key(writer, target);
}

void write_expect(SqlWriter *writer, const Fields &expect) {
  for (const Field &field : expect) {
    appendStringInfoString(&writer->sql, " AND ");
    write_same(writer, field);
  }
}

const Statement *change_statement(StatementKind kind, const Target &target, const Fields &set, const Fields &expect,
                                  Parameters *parameters) {
  add_parameters(parameters, set);
  add_parameters(parameters, target.key);
  add_parameters(parameters, expect);
  Signature signature{};
  sign(&signature, kind);
  sign(&signature, set);
  sign(&signature, target.key);
  sign(&signature, expect);
  if (const Statement *known = find_statement(target.contract, signature)) return known;

  SqlWriter writer;
  init_writer(&writer);
  write_update(&writer, target, set);
  write_expect(&writer, expect);
  appendStringInfoString(&writer.sql, " RETURNING true");
  return prepare_statement(target.contract, signature, writer.sql.data, *parameters);
}

Row run_change(const Statement *statement, const Target &target, const Parameters &parameters, Permission *permission) {
  const Row row = run_statement(statement, parameters, target.contract->relation, permission);
  // The guard of the table is enabled, or there would be no contract; that of one partition may not be.
  if (row.processed > 1)
    elog(ERROR, "a key of relation \"%s\" matches several rows", RelationGetRelationName(target.relation));
  if (row.processed > 0 && !permission->judged) error_disabled(target.relation);
  return row;
}

List *kept_columns(const Permission &permission) {
  List *names = NIL;
  for (int place = -1; (place = bms_next_member(permission.kept, place)) >= 0;)
    names = lappend(names, const_cast<char *>(permission.patched[place]));
  return names;
}

Probe probe(const Target &target, const Fields &expect, Sees sees) { return look(target, expect, sees, false); }

Probe locked_probe(const Target &target, const Fields &expect, Sees sees) {
  // A row that is deleted and inserted again in between is seen by one look and not by the other; a policy hides it
  // from every locked look.
  for (int looks = 0; looks < 10; ++looks) {
    const Probe seen = look(target, expect, sees, true);
    if (seen.found || !look(target, expect, sees, false).found) return seen;
    CHECK_FOR_INTERRUPTS();
  }
  error_suppressed(target.relation);
}

bool has_values(const Target &target, const Fields &fields) {
  for (const Field &field : fields)
    if (!OidIsValid(equality_operator(field.type))) return false;
  const Probe seen = probe(target, fields, Sees::expectations);
  return seen.found && seen.stale == NIL;
}

Fields read_patch(const Target &target, FunctionCallInfo fcinfo, int argument) {
  return convert_object(target.relation, jsonb_argument(fcinfo, argument), "patch", Purpose::set);
}

Fields read_expect(const Target &target, FunctionCallInfo fcinfo, int argument) {
  return read_expected(target, jsonb_argument(fcinfo, argument));
}

Fields read_expected(const Target &target, Jsonb *object) {
  const Fields expect = convert_object(target.relation, object, "expect", Purpose::compare);
  for (const Field &field : expect)
    if (!OidIsValid(equality_operator(field.type)))
      error_column_unfit(ERRCODE_INVALID_PARAMETER_VALUE, target.relation, field.name,
                         "column \"%s\" of relation \"%s\" has type %s, which has no equality operator",
                         format_type_be(field.type));
  return expect;
}

void set_patched(Permission *permission, const Target &target, const Fields &patch) {
  auto **names = palloc_array<const char *>(patch.count);
  const Oid relid = RelationGetRelid(target.relation);
  const bool reads_all = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
  Bitmapset *hidden = nullptr;
  for (int i = 0; i < patch.count; ++i) {
    names[i] = patch.items[i].name;
    if (!reads_all && pg_attribute_aclcheck(relid, patch.items[i].attnum, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
      hidden = bms_add_member(hidden, i);
  }
  permission->patched = names;
  permission->npatched = patch.count;
  permission->hidden = hidden;
}

void report_outcome(const Target &target, const char *outcome, const Field *actor, const Field *idempotency_key) {
  report(target.contract->tracked, event_of(outcome), 1, NIL, [&](Description *told) {
    const auto text = [](const Field *field) {
      return field == nullptr || field->isnull ? nullptr : text_of_value(field->type, field->value);
    };
    told->key = text_of_key(target.key, target.contract->primary_key);
    told->actor = text(actor);
    told->idempotency_key = text(idempotency_key);
  });
}

AttrNumber closing_time(const GuardContract *contract) {
  return contract->gate_type == BOOLOID ? contract->gate_at : contract->gate;
}

Datum closing_timestamptz(const Target &target, Datum value) {
  const AttrNumber attnum = closing_time(target.contract);
  const Oid type = getBaseType(TupleDescAttr(RelationGetDescr(target.relation), attnum - 1)->atttypid);
  return as_timestamptz(type, target.contract->terms->time_zone, value);
}

}  // namespace ratchet
