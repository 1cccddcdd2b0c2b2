#include <algorithm>
#include <exception>
#include <pqxx/except>
#include <ratchet/error.hpp>
#include <utility>

namespace ratchet {

namespace {

// The value of one field of a message at verbosity "verbose", such as "TABLE NAME:  scorecards". The last one, because
// these fields follow all text that could look like them.
std::string field_of(std::string_view message, std::string_view label) {
  const auto start = message.rfind(label);
  if (start == std::string_view::npos) return {};
  auto value = message.substr(start + label.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return std::string{value.substr(0, value.find('\n'))};
}

error::place place_in(std::string_view message) {
  return {field_of(message, "\nTABLE NAME:"), field_of(message, "\nCOLUMN NAME:"),
          field_of(message, "\nCONSTRAINT NAME:")};
}

// The message as it would be without "verbose": the fields at its end and the SQLSTATE before it are taken away.
std::string plain(std::string_view message) {
  const auto last = message.rfind("\nLOCATION:");
  if (last == std::string_view::npos) return std::string{message};
  auto end = last;
  for (const auto label :
       {"\nCONSTRAINT NAME:", "\nDATATYPE NAME:", "\nCOLUMN NAME:", "\nTABLE NAME:", "\nSCHEMA NAME:"}) {
    const auto found = message.rfind(label, end);
    // these fields follow one another with nothing between them, so that text of the same form before them stays
    if (found != std::string_view::npos && message.find('\n', found + 1) == end) end = found;
  }
  std::string result{message.substr(0, end)};
  // "ERROR:  23R01: column ..."
  constexpr std::size_t length = 5;
  const auto sqlstate = result.find(":  ") + 3;
  if (result.compare(sqlstate + length, 2, ": ") == 0) result.erase(sqlstate, length + 2);
  return result;
}

[[noreturn]] void wrap(const std::exception &original, error_kind kind, std::string sqlstate) {
  std::throw_with_nested(error(kind, plain(original.what()), std::move(sqlstate), place_in(original.what())));
}

}  // namespace

error::error(error_kind kind, const std::string &message, std::string sqlstate, place where)
    : std::runtime_error(message),
      kind_(kind),
      details_(std::make_shared<const details>(details{std::move(sqlstate), std::move(where)})) {}

std::string_view to_string(error_kind kind) noexcept {
  switch (kind) {
    case error_kind::argument:
      return "argument";
    case error_kind::constraint:
      return "constraint";
    case error_kind::stale:
      return "stale";
    case error_kind::privilege:
      return "privilege";
    case error_kind::contract:
      return "contract";
    case error_kind::contention:
      return "contention";
    case error_kind::connection:
      return "connection";
    case error_kind::busy:
      return "busy";
    case error_kind::in_doubt:
      return "in_doubt";
    case error_kind::usage:
      return "usage";
    case error_kind::other:
      break;
  }
  return "other";
}

error_kind kind_of(std::string_view sqlstate) noexcept {
  if (sqlstate == "40001" || sqlstate == "40P01") return error_kind::contention;
  if (sqlstate == "42501") return error_kind::privilege;
  // too many connections; administrator's shutdown, crash shutdown, cannot connect now; the two idle timeouts
  for (const auto gone : {"53300", "57P01", "57P02", "57P03", "57P05", "25P03"}) {
    if (sqlstate == gone) return error_kind::connection;
  }
  if (sqlstate == "23R04") return error_kind::stale;
  if (sqlstate == "42R01") return error_kind::contract;
  const auto state_class = sqlstate.substr(0, 2);
  if (state_class == "08") return error_kind::connection;
  if (state_class == "22") return error_kind::argument;
  if (state_class == "23") return error_kind::constraint;
  return error_kind::other;
}

void rethrow_as_error() {
  try {
    throw;
  } catch (const error &) {
    throw;
  } catch (const pqxx::serialization_failure &e) {
    // libpqxx 6 derives these from no sql_error, so that they carry no SQLSTATE: their types are all there is
    wrap(e, error_kind::contention, "40001");
  } catch (const pqxx::deadlock_detected &e) {
    wrap(e, error_kind::contention, "40P01");
  } catch (const pqxx::statement_completion_unknown &e) {
    wrap(e, error_kind::in_doubt, "40003");
  } catch (const pqxx::in_doubt_error &e) {
    wrap(e, error_kind::in_doubt, {});
  } catch (const pqxx::broken_connection &e) {
    wrap(e, error_kind::connection, {});
  } catch (const pqxx::insufficient_privilege &e) {
    wrap(e, error_kind::privilege, "42501");  // libpqxx 6 drops the SQLSTATE of this one
  } catch (const pqxx::sql_error &e) {
    wrap(e, kind_of(e.sqlstate()), std::string{e.sqlstate()});
  } catch (const pqxx::usage_error &e) {
    wrap(e, error_kind::usage, {});
  } catch (const pqxx::argument_error &e) {
    wrap(e, error_kind::usage, {});
  } catch (const pqxx::conversion_error &e) {
    wrap(e, error_kind::usage, {});
  } catch (const pqxx::range_error &e) {
    wrap(e, error_kind::usage, {});
  } catch (const pqxx::internal_error &e) {
    wrap(e, error_kind::other, {});
  } catch (const pqxx::failure &e) {  // the last one, because libpqxx 8 derives all of them from it
    wrap(e, error_kind::other, {});
  }
}

int http_status(const error &failure) noexcept {
  switch (failure.kind()) {
    case error_kind::argument:
      return 400;
    case error_kind::privilege:
      return 403;
    case error_kind::constraint:
      return 409;
    case error_kind::stale:
      return 412;
    case error_kind::contention:
    case error_kind::connection:
    case error_kind::busy:
    case error_kind::in_doubt:
      return 503;
    case error_kind::contract:
    case error_kind::usage:
    case error_kind::other:
      break;
  }
  return 500;
}

}  // namespace ratchet
