// A client of a fresh database, directly and through PgBouncer.
#pragma once

#include <ostream>

#include "server_test.hpp"
#include "throwaway_pooler.hpp"

namespace ratchet::test {

enum class way { direct, pooler };
inline std::ostream &operator<<(std::ostream &out, way through) {
  return out << (through == way::direct ? "direct" : "pooler");
}

class client_test : public tally_test, public ::testing::WithParamInterface<way> {
 protected:
  void SetUp() override;
  void TearDown() override;

  // Connection string of the database by this test's way, and the socket that it goes through.
  std::string way_in() const;
  std::filesystem::path socket() const;

  // A client by this test's way.
  ratchet::client connect(client_options options = {}) const { return ratchet::client{way_in(), std::move(options)}; }

  std::unique_ptr<support::throwaway_pooler> pooler_;
};

#define RATCHET_BOTH_WAYS(suite)                                                     \
  INSTANTIATE_TEST_SUITE_P(ways, suite, ::testing::Values(way::direct, way::pooler), \
                           ::testing::PrintToStringParamName())

// The error that the call throws; an error of kind `other` with the message "nothing" if it throws none.
template <typename Call>
error caught(const Call &call) {
  try {
    call();
  } catch (const error &e) {
    return e;
  }
  return {error_kind::other, "nothing"};
}

}  // namespace ratchet::test
