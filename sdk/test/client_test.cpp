#include "client_test.hpp"

namespace ratchet::test {

void client_test::SetUp() {
  if (GetParam() == way::pooler && !support::throwaway_pooler::available()) GTEST_SKIP() << "no PgBouncer here";
  tally_test::SetUp();
  if (GetParam() == way::pooler) pooler_ = std::make_unique<support::throwaway_pooler>(server());
}

void client_test::TearDown() { pooler_.reset(); }

std::string client_test::way_in() const { return pooler_ ? pooler_->dsn(dsn_.substr(dsn_.rfind('=') + 1)) : dsn_; }

std::filesystem::path client_test::socket() const {
  return pooler_ ? server().directory() / "pooler" / ".s.PGSQL.6432" : server().directory() / ".s.PGSQL.5432";
}

}  // namespace ratchet::test
