#include <ratchet/flush.hpp>
#include <ratchet/statement.hpp>

namespace ratchet {

void flush(pqxx::transaction_base &tx) { (void)run(tx, {"SELECT ratchet.flush()", {}}); }

}  // namespace ratchet
