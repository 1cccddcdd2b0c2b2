// declare/see_rows.h: what a query of catalogs finds.
#pragma once

#include "pg/pg.h"

extern "C" {
#include "executor/spi.h"
}

namespace ratchet {

// Runs a query of catalogs, and calls see() for its rows.
template <typename See>
void see_rows(const char *sql, See &&see) {
  MemoryContext caller = CurrentMemoryContext;
  SPI_connect();
  // Not read-only: a new snapshot, in which what the command has done is visible.
  if (SPI_execute(sql, false, 0) != SPI_OK_SELECT) elog(ERROR, "reading a catalog failed");
  for (uint64 i = 0; i < SPI_processed; ++i) {
    MemoryContext spi = MemoryContextSwitchTo(caller);
    see(SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
    MemoryContextSwitchTo(spi);
  }
  SPI_finish();
}

}  // namespace ratchet
