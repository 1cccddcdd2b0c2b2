/// @file
/// Writing counters before the transaction ends.
#pragma once

#include <pqxx/transaction_base>
#include <ratchet/export.hpp>

namespace ratchet {

/// Calls `ratchet.flush()`: writes what this transaction has counted so far, which otherwise happens at COMMIT. For
/// reading your own counts, and before DDL on a table that was counted.
///
/// Locks the parents, in the order of their keys, and waits while another transaction holds one of them. Throws
/// ratchet::error, after which `tx` is aborted: contention (40001, 40P01), constraint (class 23, from an on_done
/// function or a parent's own constraints), connection.
RATCHET_EXPORT void flush(pqxx::transaction_base &tx);

}  // namespace ratchet
