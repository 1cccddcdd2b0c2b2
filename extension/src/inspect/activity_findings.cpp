#include "inspect/activity_findings.h"

#include "activity/memory.h"
#include "pg/memory.h"

namespace ratchet {

namespace {

List *add(List *findings, const char *severity, const char *text, const char *remedy) {
  auto *finding = palloc_object<Finding>();
  *finding = {severity, text, remedy};
  return lappend(findings, finding);
}

bool is_counted(const SharedMemory &memory, Oid relation) {
  bool counted = false;
  LWLockAcquire(&memory.header->lock, LW_SHARED);
  each_entry(memory, [&](const EntryKey &key, const Entry *) {
    counted = counted || (key.database == MyDatabaseId && key.relation == relation);
  });
  LWLockRelease(&memory.header->lock);
  return counted;
}

}  // namespace

List *limit_findings(Relation root, const GuardTerms *terms) {
  if (terms->rate_text == nullptr) return NIL;
  const SharedMemory *memory = attach_shared_memory();
  const char *table = RelationGetRelationName(root);
  if (memory == nullptr)
    return add(NIL, "error",
               psprintf("rate_limit of \"%s\" needs shared memory, without which ratchet.submit() fails", table),
               "Add ratchet to shared_preload_libraries, or declare the guard without rate_limit.");
  const uint64 evicted = pg_atomic_read_u64(&memory->header->evicted);
  if (evicted == 0) return NIL;
  return add(NIL, "warning",
             psprintf("rate_limit of \"%s\" lets through too much: there were more actors at one time than fit into "
                      "memory, %llu times since the server was started",
                      table, static_cast<unsigned long long>(evicted)),
             "Raise ratchet.max_actors, which takes a restart.");
}

List *room_findings(Relation root) {
  const SharedMemory *memory = attach_shared_memory();
  if (memory == nullptr || pg_atomic_read_u64(&memory->header->lost) == 0 ||
      is_counted(*memory, RelationGetRelid(root)))
    return NIL;
  return add(NIL, "warning",
             psprintf("what happens to the contracts of \"%s\" is not counted: there are more contracts than fit into "
                      "memory",
                      RelationGetRelationName(root)),
             "Raise ratchet.max_contracts, which takes a restart.");
}

}  // namespace ratchet
