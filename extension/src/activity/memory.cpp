#include "activity/memory.h"

extern "C" {
#include "catalog/pg_control.h"
#include "common/controldata_utils.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "utils/guc.h"
}

#include <algorithm>

#include "activity/stat_file.h"
#include "pg/attempt.h"
#include "pg/fence.h"

namespace ratchet {

namespace {

constexpr int columns_of_contract = 4;  // for which there is room, on average

int max_contracts = 1000;
int max_actors = 10000;
SharedMemory attached;  // valid only if header
bool unattachable;      // it was tried in this session
shmem_request_hook_type next_request_hook;
shmem_startup_hook_type next_startup_hook;

// As many sets that they are half full with all actors: so that hardly any is full before.
int set_count() {
  int count = 1;
  while (count * buckets_of_set / 2 < max_actors) count *= 2;
  return count;
}

int max_columns() { return max_contracts * columns_of_contract; }

Size size_of_memory() {
  Size size = MAXALIGN(sizeof(Header));
  size = add_size(size, MAXALIGN(mul_size(max_contracts, sizeof(EntryKey))));
  size = add_size(size, MAXALIGN(mul_size(max_contracts, sizeof(Entry))));
  size = add_size(size, MAXALIGN(mul_size(max_columns(), sizeof(ColumnEntry))));
  return add_size(size, mul_size(set_count(), sizeof(BucketSet)));
}

// Where the parts are.
SharedMemory parts_of(void *memory) {
  char *place = static_cast<char *>(memory);
  const auto take = [&](Size size) {
    char *part = place;
    place += MAXALIGN(size);
    return part;
  };
  SharedMemory parts{};
  parts.header = reinterpret_cast<Header *>(take(sizeof(Header)));
  parts.keys = reinterpret_cast<EntryKey *>(take(sizeof(EntryKey) * max_contracts));
  parts.entries = reinterpret_cast<Entry *>(take(sizeof(Entry) * max_contracts));
  parts.columns = reinterpret_cast<ColumnEntry *>(take(sizeof(ColumnEntry) * max_columns()));
  parts.sets = reinterpret_cast<BucketSet *>(place);
  return parts;
}

void clear(Numbers *numbers) {
  for (int i = 0; i < number_count; ++i) pg_atomic_init_u64(&each_number(numbers)[i], 0);
}

// Empty memory, which nobody else has yet.
void init_memory(void *memory) {
  memset(memory, 0, size_of_memory());
  const SharedMemory parts = parts_of(memory);
  Header *header = parts.header;
  header->tranche = LWLockNewTrancheId();
  LWLockInitialize(&header->lock, header->tranche);
  header->max_entries = max_contracts;
  header->max_columns = max_columns();
  header->set_count = set_count();
  header->free_column = -1;
  header->since = GetCurrentTimestamp();
  pg_atomic_init_u64(&header->lost, 0);
  pg_atomic_init_u64(&header->lost_columns, 0);
  pg_atomic_init_u64(&header->evicted, 0);
  pg_atomic_init_u64(&header->log_budget.lines, 0);
  pg_atomic_init_u64(&header->log_budget.suppressed, 0);
  if (!pg_strong_random(header->seeds, sizeof(header->seeds))) header->seeds[0] = header->since;
  for (int i = 0; i < max_contracts; ++i) {
    pg_atomic_init_u32(&parts.entries[i].generation, 0);
    clear(&parts.entries[i].numbers);
  }
  for (int i = 0; i < header->max_columns; ++i) SpinLockInit(&parts.columns[i].mutex);
  for (int i = 0; i < header->set_count; ++i) SpinLockInit(&parts.sets[i].mutex);
}

void attach(void *memory) {
  attached = parts_of(memory);
  LWLockRegisterTranche(attached.header->tranche, "ratchet");
}

void request_memory() {
  if (next_request_hook != nullptr) next_request_hook();
  RequestAddinShmemSpace(size_of_memory());
}

// An immediate shutdown ends with code 0 too, and stops backends wherever they are; so does PostgreSQL's own crash.
// What they leave may be half written.
bool was_shut_down() {
  bool intact;
  const ControlFileData *control = get_controlfile(DataDir, &intact);
  return intact && (control->state == DB_SHUTDOWNED || control->state == DB_SHUTDOWNED_IN_RECOVERY);
}

void save_at_exit(int code, Datum) {
  if (code == 0 && was_shut_down()) write_stat_file(attached);
}

void start_memory() {
  if (next_startup_hook != nullptr) next_startup_hook();
  bool found;
  LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
  void *memory = ShmemInitStruct("ratchet", size_of_memory(), &found);
  if (!found) init_memory(memory);
  attach(memory);
  LWLockRelease(AddinShmemInitLock);
  if (IsUnderPostmaster) return;
  if (!found) read_stat_file(attached);
  on_shmem_exit(fenced<save_at_exit>, Datum(0));
}

}  // namespace

void init_shared_memory() {
  // Others cannot be told a size, which must be the same for all sessions.
  if (!process_shared_preload_libraries_in_progress) return;
  DefineCustomIntVariable("ratchet.max_contracts",
                          "Contracts of all databases whose statistics fit into shared memory.", nullptr,
                          &max_contracts, max_contracts, 10, 1000000, PGC_POSTMASTER, 0, nullptr, nullptr, nullptr);
  DefineCustomIntVariable("ratchet.max_actors",
                          "Actors that contracts with a rate_limit know of at one time, in shared memory.", nullptr,
                          &max_actors, max_actors, 100, 10000000, PGC_POSTMASTER, 0, nullptr, nullptr, nullptr);
  next_request_hook = shmem_request_hook;
  shmem_request_hook = fenced<request_memory>;
  next_startup_hook = shmem_startup_hook;
  shmem_startup_hook = fenced<start_memory>;
}

const SharedMemory *attach_shared_memory() {
  if (attached.header != nullptr) return &attached;
  if (!has_named_memory || unattachable) return nullptr;
  // That there is no memory left must not fail the write that is to be counted.
  void *memory = nullptr;
  const ErrorData *error =
      attempt([&] { memory = find_named_memory("ratchet", size_of_memory(), fenced<init_memory>); });
  unattachable = error != nullptr;
  if (unattachable) {
    ereport(LOG, errmsg("ratchet keeps no statistics in this session: %s", error->message));
    return nullptr;
  }
  attach(memory);
  return &attached;
}

const SharedMemory *shared_memory() { return attached.header != nullptr ? &attached : nullptr; }

Entry *find_entry(const SharedMemory &memory, const EntryKey &key) {
  for (int i = 0; i < memory.header->entries_used; ++i)
    if (same_entry(memory.keys[i], key)) return &memory.entries[i];
  return nullptr;
}

Entry *make_entry(const SharedMemory &memory, const EntryKey &key) {
  Header *header = memory.header;
  int place = 0;
  int free = -1;
  for (; place < header->entries_used; ++place) {
    if (same_entry(memory.keys[place], key)) return &memory.entries[place];
    if (free < 0 && !OidIsValid(memory.keys[place].relation)) free = place;
  }
  if (free < 0 && header->entries_used < header->max_entries) free = header->entries_used++;
  if (free < 0) return nullptr;
  Entry *entry = &memory.entries[free];
  entry->first_column = -1;
  entry->since = header->since;
  memory.keys[free] = key;
  return entry;
}

void free_entry(const SharedMemory &memory, Entry *entry) {
  pg_atomic_fetch_add_u32(&entry->generation, 1);
  memory.keys[entry - memory.entries] = EntryKey{};
  for (int i = 0; i < number_count; ++i) pg_atomic_write_u64(&each_number(&entry->numbers)[i], 0);
  while (entry->first_column >= 0) {
    ColumnEntry *column = &memory.columns[entry->first_column];
    const int32 next = column->next;
    column->next = memory.header->free_column;
    memory.header->free_column = entry->first_column;
    entry->first_column = next;
  }
}

ColumnEntry *find_column(const SharedMemory &memory, Entry *entry, const char *name, bool makes) {
  ColumnEntry *found = nullptr;
  each_column(memory, entry, [&](ColumnEntry *column) {
    if (strcmp(NameStr(column->name), name) == 0) found = column;
  });
  if (found != nullptr || !makes) return found;
  Header *header = memory.header;
  int place = header->free_column;
  if (place >= 0)
    header->free_column = memory.columns[place].next;
  else if (header->columns_used < header->max_columns)
    place = header->columns_used++;
  else
    return nullptr;
  ColumnEntry *column = &memory.columns[place];
  namestrcpy(&column->name, name);
  column->kept = column->rejected = column->observed = 0;
  column->last_at = 0;
  column->last_application[0] = '\0';
  column->next = entry->first_column;
  entry->first_column = place;
  return column;
}

}  // namespace ratchet
