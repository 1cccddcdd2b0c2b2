#include "pg/pg.h"

#include <algorithm>

#include "contract/report_row.h"
#include "pg/json_text.h"
#include "pg/list.h"
#include "pg/memory.h"
#include "pg/primary_key_text.h"
#include "pg/row_value.h"

namespace ratchet {

const char *text_of_key(const Fields &key, AttrNumber primary_key) {
  if (key.count == 0) return nullptr;
  if (key.count == 1 && key.items[0].attnum == primary_key) return text_of_value(key.items[0].type, key.items[0].value);
  // Partitions number their columns differently.
  auto *fields = palloc_array<Field>(key.count);
  std::copy(key.begin(), key.end(), fields);
  std::sort(fields, fields + key.count, [](const Field &a, const Field &b) { return strcmp(a.name, b.name) < 0; });
  StringInfoData out;
  initStringInfo(&out);
  appendStringInfoChar(&out, '{');
  for (const Field &field : Fields{key.count, fields})
    append_json_member(&out, field.name, field.type, field.value, field.isnull);
  appendStringInfoChar(&out, '}');
  return out.data;
}

const char *key_of_row(const TriggerData *trigger) {
  Fields key{};
  for (const int attnum : each_int(key_attnums(trigger->tg_relation))) {
    const Value value = value_of(trigger->tg_trigslot, static_cast<AttrNumber>(attnum));
    add_field(&key, field_of_value(trigger->tg_relation, static_cast<AttrNumber>(attnum), value.datum, value.isnull));
  }
  return text_of_key(key, key.count == 1 ? key.items[0].attnum : InvalidAttrNumber);
}

List *names_at(const GuardedColumn *guarded, const Bitmapset *places) {
  List *attnums = NIL;
  List *names = NIL;
  for (int place = -1; (place = bms_next_member(places, place)) >= 0;) {
    const GuardedColumn &column = guarded[place];
    if (list_member_int(attnums, column.attnum)) continue;
    attnums = lappend_int(attnums, column.attnum);
    names = lappend(names, const_cast<char *>(column.name));
  }
  return names;
}

void report_row(const Tracked &tracked, Event event, const List *columns, const TriggerData *trigger, int sqlstate) {
  report(tracked, event, 1, columns, [&](Description *told) {
    told->key = key_of_row(trigger);
    told->sqlstate = sqlstate;
  });
}

void report_row(const Tracked &tracked, Event event, const GuardedColumn *guarded, const Bitmapset *places,
                const TriggerData *trigger, int sqlstate) {
  report_row(tracked, event, names_at(guarded, places), trigger, sqlstate);
}

}  // namespace ratchet
