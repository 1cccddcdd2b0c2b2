// What is measured: the same work through libpqxx alone and through the SDK.
#pragma once

#include <functional>
#include <map>
#include <pqxx/pqxx>
#include <ratchet/ratchet.hpp>
#include <string>

namespace ratchet::bench {

// Prepares a round that is to touch rows of its own, told by a number, and returns what is to be timed.
using variant = std::function<std::function<void()>(long number)>;
using variants = std::map<std::string, variant>;

// What all variants share: a connection for libpqxx alone, and a client. Both have one session open all the time.
struct sessions {
  pqxx::connection connection{""};
  ratchet::client client{""};
};

// One submission each round, of the row with that number.
variants submit_variants(sessions &with);

// A batch of 10,000 results each round, whose questions begin at 10,000 times the number.
variants batch_variants(sessions &with);

// Ends the program: a variant that did something else is not worth a figure.
void expect(bool truth, const char *what);

// The statement with its parameters, as a program writes it that has libpqxx alone. A null pointer is NULL.
template <typename... Parameters>
pqxx::result send(pqxx::transaction_base &tx, const std::string &sql, const Parameters &...parameters) {
#if PQXX_VERSION_MAJOR > 7 || (PQXX_VERSION_MAJOR == 7 && PQXX_VERSION_MINOR >= 10)
  return tx.exec(sql, pqxx::params{parameters...});
#else
  return tx.exec_params(sql, parameters...);
#endif
}

}  // namespace ratchet::bench
