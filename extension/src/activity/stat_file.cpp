#include "activity/stat_file.h"

extern "C" {
#include "pgstat.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "utils/memutils.h"
}

#include <sys/stat.h>
#include <unistd.h>

namespace ratchet {

namespace {

constexpr const char *path = PGSTAT_STAT_PERMANENT_DIRECTORY "/ratchet.stat";
constexpr const char *new_path = PGSTAT_STAT_PERMANENT_DIRECTORY "/ratchet.stat.new";
constexpr uint32 magic = 0x72740001;  // changes with what the file has

// The file: this, then as many StoredEntry, then as many StoredColumn, whose order is that of their entries, and a CRC
// of all of it.
struct FileHeader {
  uint32 magic;
  uint32 server;   // PG_VERSION_NUM / 10000
  uint32 numbers;  // of an entry
  uint32 entries;
  uint32 columns;
};

struct StoredEntry {
  EntryKey key;
  uint32 columns;
  TimestampTz since;
  uint64 numbers[number_count];
};

struct StoredColumn {
  NameData name;
  int64 kept;
  int64 rejected;
  int64 observed;
  TimestampTz last_at;
  char last_application[NAMEDATALEN];
};

bool has_crc(const char *data, Size size) {
  pg_crc32c crc;
  pg_crc32c stored;
  INIT_CRC32C(crc);
  COMP_CRC32C(crc, data, size - sizeof(crc));
  FIN_CRC32C(crc);
  memcpy(&stored, data + size - sizeof(crc), sizeof(crc));
  return EQ_CRC32C(crc, stored);
}

void take_columns(const SharedMemory &memory, Entry *entry, const char *columns, uint32 count) {
  for (uint32 i = 0; i < count; ++i) {
    StoredColumn stored;
    memcpy(&stored, columns + i * sizeof(stored), sizeof(stored));
    NameStr(stored.name)[NAMEDATALEN - 1] = stored.last_application[NAMEDATALEN - 1] = '\0';
    ColumnEntry *column = find_column(memory, entry, NameStr(stored.name), true);
    if (column == nullptr) return;
    column->kept = stored.kept;
    column->rejected = stored.rejected;
    column->observed = stored.observed;
    column->last_at = stored.last_at;
    strlcpy(column->last_application, stored.last_application, NAMEDATALEN);
  }
}

// What is wrong with the contents; nullptr: nothing, and the memory has what fits into it.
const char *take(const SharedMemory &memory, const char *data, Size size) {
  if (size < sizeof(FileHeader) + sizeof(pg_crc32c)) return "it is too short";
  FileHeader header;
  memcpy(&header, data, sizeof(header));
  if (header.magic != magic || header.server != PG_VERSION_NUM / 10000 || header.numbers != number_count)
    return "it is of another version";
  const Size expected = sizeof(header) + static_cast<Size>(header.entries) * sizeof(StoredEntry) +
                        static_cast<Size>(header.columns) * sizeof(StoredColumn) + sizeof(pg_crc32c);
  if (size != expected) return "it has another length than it says";
  if (!has_crc(data, size)) return "its checksum is wrong";
  // Places in what was read, which is not aligned.
  data += sizeof(header);
  const auto entry_at = [&](uint32 place) {
    StoredEntry stored;
    memcpy(&stored, data + place * sizeof(stored), sizeof(stored));
    return stored;
  };
  const char *columns = data + header.entries * sizeof(StoredEntry);
  uint32 first = 0;
  for (uint32 i = 0; i < header.entries; ++i) {
    const StoredEntry stored = entry_at(i);
    Entry *entry = make_entry(memory, stored.key);
    if (entry == nullptr || stored.columns > header.columns - first) break;
    entry->since = stored.since;
    for (int j = 0; j < number_count; ++j) pg_atomic_write_u64(&each_number(&entry->numbers)[j], stored.numbers[j]);
    take_columns(memory, entry, columns + first * sizeof(StoredColumn), stored.columns);
    first += stored.columns;
  }
  return nullptr;
}

// The contents; nullptr: there is no file, or it cannot be read.
char *read_file(Size *size) {
  FILE *file = AllocateFile(path, PG_BINARY_R);
  if (file == nullptr) {
    if (errno != ENOENT) ereport(LOG, errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path));
    return nullptr;
  }
  struct stat status;
  char *data = nullptr;
  if (fstat(fileno(file), &status) == 0 && status.st_size < static_cast<off_t>(MaxAllocSize)) {
    *size = status.st_size;
    data = static_cast<char *>(palloc_extended(*size + 1, MCXT_ALLOC_NO_OOM));
  }
  if (data == nullptr || fread(data, 1, *size, file) != *size) {
    ereport(LOG, errcode_for_file_access(), errmsg("could not read file \"%s\": %m", path));
    data = nullptr;
  }
  FreeFile(file);
  return data;
}

StoredEntry stored_entry(const SharedMemory &memory, const EntryKey &key, Entry *entry) {
  StoredEntry stored{};
  stored.key = key;
  each_column(memory, entry, [&](const ColumnEntry *) { ++stored.columns; });
  stored.since = entry->since;
  for (int i = 0; i < number_count; ++i) stored.numbers[i] = pg_atomic_read_u64(&each_number(&entry->numbers)[i]);
  return stored;
}

StoredColumn stored_column(const ColumnEntry *column) {
  StoredColumn stored{};
  stored.name = column->name;
  stored.kept = column->kept;
  stored.rejected = column->rejected;
  stored.observed = column->observed;
  stored.last_at = column->last_at;
  strlcpy(stored.last_application, column->last_application, NAMEDATALEN);
  return stored;
}

// Nobody else is left who would count. Needs no memory, of which there may be none.
bool write_file(const SharedMemory &memory) {
  FILE *file = AllocateFile(new_path, PG_BINARY_W);
  if (file == nullptr) return false;
  pg_crc32c crc;
  INIT_CRC32C(crc);
  bool written = true;
  const auto write = [&](const void *data, Size size) {
    COMP_CRC32C(crc, data, size);
    written = written && fwrite(data, 1, size, file) == size;
  };
  FileHeader header{magic, PG_VERSION_NUM / 10000, number_count, 0, 0};
  each_entry(memory, [&](const EntryKey &, Entry *entry) {
    ++header.entries;
    each_column(memory, entry, [&](const ColumnEntry *) { ++header.columns; });
  });
  write(&header, sizeof(header));
  each_entry(memory, [&](const EntryKey &key, Entry *entry) {
    const StoredEntry stored = stored_entry(memory, key, entry);
    write(&stored, sizeof(stored));
  });
  each_entry(memory, [&](const EntryKey &, Entry *entry) {
    each_column(memory, entry, [&](const ColumnEntry *column) {
      const StoredColumn stored = stored_column(column);
      write(&stored, sizeof(stored));
    });
  });
  FIN_CRC32C(crc);
  const pg_crc32c whole = crc;
  written = written && fwrite(&whole, 1, sizeof(whole), file) == sizeof(whole);
  const int error = errno;
  // What is buffered meets a full disk here.
  const bool closed = FreeFile(file) == 0;
  if (!written) errno = error;
  return written && closed;
}

}  // namespace

void read_stat_file(const SharedMemory &memory) {
  Size size = 0;
  char *data = read_file(&size);
  if (data != nullptr) {
    if (const char *fault = take(memory, data, size))
      ereport(LOG, errcode(ERRCODE_DATA_CORRUPTED),
              errmsg("ignoring file \"%s\" of ratchet's statistics: %s", path, fault));
    pfree(data);
  }
  // A crash from here on loses them, rather than having the next start count anew from old numbers.
  if (unlink(path) != 0 && errno != ENOENT)
    ereport(LOG, errcode_for_file_access(), errmsg("could not remove file \"%s\": %m", path));
}

void write_stat_file(const SharedMemory &memory) {
  if (!write_file(memory))
    ereport(LOG, errcode_for_file_access(), errmsg("could not write file \"%s\": %m", new_path));
  else if (durable_rename(new_path, path, LOG) == 0)
    return;
  unlink(new_path);
}

}  // namespace ratchet
