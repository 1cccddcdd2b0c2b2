#include "variants.hpp"

namespace ratchet::bench {

namespace {

constexpr const char *table = "public.scorecards";
constexpr const char *null = nullptr;
constexpr long user = 7;
const std::string comment = "a comment that somebody has changed";
// Made beforehand: libpqxx alone has no JSON to make.
const std::string patch = R"({"comment":"a comment that somebody has changed"})";

// What is submitted, as a call site writes it: the call is put together and run in one expression.
struct bare {
  template <typename Run>
  auto operator()(long id, Run run) const {
    return run(submission(table, id).actor(user));
  }
};
struct with_comment {
  template <typename Run>
  auto operator()(long id, Run run) const {
    return run(submission(table, id).actor(user).set("comment", comment));
  }
};

void read(const pqxx::result &answer) { expect(answer[0][0].as<std::string>() == "submitted", "submitted"); }
void read(const submit_result &answer) { expect(answer.outcome == submit_outcome::submitted, "submitted"); }

const std::string sql = submission(table, 0).to_statement().sql;

pqxx::result send_submission(pqxx::transaction_base &tx, long id, const char *changed) {
  return send(tx, sql, table, std::to_string(id), std::to_string(user), changed, null, null, null, null);
}

// By itself: a statement that commits by itself.
variant raw_alone(sessions &with, const char *changed) {
  return [&with, changed](long id) {
    return [&with, changed, id] {
      pqxx::nontransaction tx{with.connection};
      read(send_submission(tx, id, changed));
      tx.commit();
    };
  };
}

variant raw_in_transaction(sessions &with, const char *changed) {
  return [&with, changed](long id) {
    return [&with, changed, id] {
      pqxx::work tx{with.connection};
      read(send_submission(tx, id, changed));
      tx.commit();
    };
  };
}

template <typename Make>
variant sdk_alone(sessions &with, Make make) {
  return [&with, make](long id) {
    return [&with, make, id] { read(make(id, [&](const submission &call) { return with.client.run(call); })); };
  };
}

template <typename Make>
variant sdk_in_transaction(sessions &with, Make make) {
  return [&with, make](long id) {
    return [&with, make, id] {
      pqxx::work tx{with.connection};
      read(make(id, [&](const submission &call) { return call.run(tx); }));
      tx.commit();
    };
  };
}

template <typename Make>
variant sdk_transact(sessions &with, Make make) {
  return [&with, make](long id) {
    return [&with, make, id] {
      read(with.client.transact(
          [&](pqxx::dbtransaction &tx) { return make(id, [&](const submission &call) { return call.run(tx); }); }));
    };
  };
}

}  // namespace

variants submit_variants(sessions &with) {
  return {{"raw", raw_alone(with, null)},
          {"sdk", sdk_alone(with, bare{})},
          {"raw_work", raw_in_transaction(with, null)},
          {"sdk_work", sdk_in_transaction(with, bare{})},
          {"sdk_transact", sdk_transact(with, bare{})},
          {"raw_patch", raw_alone(with, patch.c_str())},
          {"sdk_patch", sdk_alone(with, with_comment{})},
          {"raw_work_patch", raw_in_transaction(with, patch.c_str())},
          {"sdk_work_patch", sdk_in_transaction(with, with_comment{})},
          {"sdk_transact_patch", sdk_transact(with, with_comment{})}};
}

}  // namespace ratchet::bench
