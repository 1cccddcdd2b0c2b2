// activity/stat_file.h: statistics over a clean restart, in a file beside PostgreSQL's own.
//
// Written by the postmaster when everybody else has gone, under another name first, and removed as soon as it was read:
// so what is there was written by the last shutdown and by no earlier one, and after a crash there is none. A file that
// is short, damaged or of another build is left out, and so is one that cannot be written: neither start nor shutdown
// depends on it. Both tell the log. Tokens of who is limited are not kept.
#pragma once

#include "pg/pg.h"

#include "activity/memory.h"

namespace ratchet {

// Fills empty memory that nobody else has yet.
void read_stat_file(const SharedMemory &memory);

void write_stat_file(const SharedMemory &memory);

}  // namespace ratchet
