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
// A hot row on a page of few is the opposite case. Whoever looks it up, above all each foreign key check of its
// children, walks over all versions since the last pruning, and asks for the members of the multixact that locked each:
// with half a page of them that costs more than all counting. So its page is marked full after some, whereupon the next
// who fetches a row from it prunes. The flag is a hint too, which an UPDATE that finds no room sets.
//
// pd_prune_xid is a hint: heap_page_prune() itself resets it without a log record, a standby does not know it, and
// every update sets it again. It is written under the share lock under which hint bits are. Losing what another
// session has just set delays a pruning until the next update; VACUUM does not ask for it.
#include "pg/pg.h"

extern "C" {
#include "access/htup_details.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
}

#include "pg/prune.h"

namespace ratchet {

namespace {

constexpr int long_chain = 8;
constexpr int pile = 32;  // versions that nobody has pruned

struct Versions {
  int live;   // the newest of a row, whether or not it has committed
  int old;    // have been updated or deleted, or are about to be
  Size size;  // of the old ones
};

Versions count_versions(Page page) {
  Versions versions{0, 0, 0};
  const OffsetNumber last = PageGetMaxOffsetNumber(page);
  for (OffsetNumber offset = FirstOffsetNumber; offset <= last; ++offset) {
    const ItemId item = PageGetItemId(page, offset);
    if (!ItemIdIsNormal(item)) continue;
    const auto header = reinterpret_cast<HeapTupleHeader>(PageGetItem(page, item));
    if ((header->t_infomask & HEAP_XMAX_INVALID) != 0 || HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask)) {
      ++versions.live;
      continue;
    }
    ++versions.old;
    versions.size += MAXALIGN(ItemIdGetLength(item));
  }
  return versions;
}

}  // namespace

bool is_piling_up(Buffer buffer) {
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  Page page = BufferGetPage(buffer);
  bool piling = false;
  if (PageIsFull(page)) {
    const Versions versions = count_versions(page);
    piling = versions.old >= pile && versions.old >= versions.live;
  }
  LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
  return piling;
}

void time_pruning(Buffer buffer, Size length) {
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  Page page = BufferGetPage(buffer);
  const Versions versions = count_versions(page);
  if (versions.old >= long_chain && versions.old >= versions.live)
    PageSetFull(page);
  else if (PageGetHeapFreeSpace(page) >= MAXALIGN(length) || versions.size < BLCKSZ / 10)
    reinterpret_cast<PageHeader>(page)->pd_prune_xid = InvalidTransactionId;
  LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
}

}  // namespace ratchet
