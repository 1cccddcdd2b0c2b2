// pg/prune.cpp: a parent's pages are pruned for many updates at once.
//
// PostgreSQL prunes a page that is more than nine tenths full whenever somebody
// fetches a row from it and the page's hint says that an old version may be
// removable. A page of runs as they were loaded is full, each count leaves one old version on
// it, and the next foreign key check prunes a hundred line pointers to reclaim
// that one: a third of what counting one result costs.
//
// So the hint is taken back while another version still fits, and also on a full
// page until a tenth of it is old versions. Meanwhile updates of a full page's rows
// go to other pages, as they do wherever pruning finds nothing; that happens once
// for a few rows of each page, and from then on the page has room for as many
// versions between two prunings.
//
// A hot row is the opposite case. Whoever looks it up, above all each foreign key check of its
// children, walks over all its versions since the last pruning, and asks for the members of the multixact that locked
// each: a few of them cost more than all counting. So its page is marked full after some, whereupon the next
// who fetches a row from it prunes. The flag is a hint too, which an UPDATE that finds no room sets.
// Not by who has waited for the row: there others wait too, each with a snapshot that needs the versions since, so that
// every one of them would prune, and hardly anything could go.
//
// pd_prune_xid is a hint: heap_page_prune() itself resets it without a log record, a standby does not know it, and
// every update sets it again. It is written under the share lock under which hint bits are. Losing what another
// session has just set delays a pruning until the next update; VACUUM does not ask for it.
#include "pg/pg.h"

extern "C" {
#include "access/htup_details.h"
#include "common/pg_prng.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
}

#include "pg/prune.h"

namespace ratchet {

namespace {

// Versions of one row that nobody has pruned.
constexpr int long_chain = 8;
constexpr int pile = 32;

// Looking for them on a page of many rows costs as much as some versions more do, so there one of so many updates
// looks.
constexpr OffsetNumber many_rows = 32;
constexpr int one_of = 4;

// Versions that have been updated or deleted, or are about to be.
struct OldVersions {
  int of_row;  // that lead to one version of it
  Size size;   // of all
};

OldVersions find_old_versions(Page page, OffsetNumber version) {
  OldVersions versions{0, 0};
  OffsetNumber before[MaxHeapTuplesPerPage + 1] = {};  // by a version's place, that of the one that it has replaced
  int count = 0;
  const OffsetNumber last = PageGetMaxOffsetNumber(page);
  for (OffsetNumber offset = FirstOffsetNumber; offset <= last; ++offset) {
    const ItemId item = PageGetItemId(page, offset);
    if (!ItemIdIsNormal(item)) continue;
    const auto header = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item));
    if ((header->t_infomask & HEAP_XMAX_INVALID) != 0 || HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask)) continue;
    ++count;
    versions.size += MAXALIGN(ItemIdGetLength(item));
    if (!HeapTupleHeaderIsHotUpdated(header)) continue;
    const OffsetNumber after = ItemPointerGetOffsetNumberNoCheck(&header->t_ctid);
    if (after <= last) before[after] = offset;
  }
  // An update that was rolled back may have left something that leads in a circle.
  for (OffsetNumber place = version; place != InvalidOffsetNumber && versions.of_row <= count; place = before[place])
    ++versions.of_row;
  return versions;
}

// By chance, since updates of some rows may come in any rhythm.
bool looks_now(Page page) {
  return PageGetMaxOffsetNumber(page) <= many_rows || pg_prng_uint32(&pg_global_prng_state) % one_of == 0;
}

}  // namespace

bool is_piling_up(Buffer buffer, OffsetNumber version) {
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  Page page = BufferGetPage(buffer);
  bool piling = false;
  if (PageIsFull(page)) piling = find_old_versions(page, version).of_row >= pile;
  LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
  return piling;
}

void time_pruning(Buffer buffer, OffsetNumber version, Size length, bool contended) {
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  Page page = BufferGetPage(buffer);
  const bool has_room = PageGetHeapFreeSpace(page) >= MAXALIGN(length);
  OldVersions versions{0, 0};
  if (!has_room || looks_now(page)) versions = find_old_versions(page, version);
  if (!contended && versions.of_row >= long_chain)
    PageSetFull(page);
  else if (has_room || versions.size < BLCKSZ / 10)
    reinterpret_cast<PageHeader>(page)->pd_prune_xid = InvalidTransactionId;
  LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
}

}  // namespace ratchet
