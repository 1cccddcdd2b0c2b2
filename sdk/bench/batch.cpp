#include <memory>
#include <vector>

#include "variants.hpp"

namespace ratchet::bench {

namespace {

constexpr long records = 10'000, chunk = 1'000, runs = 100;
constexpr const char *table = "counted.results";
const std::string sql =
    "SELECT r.outcome, r.inserted, r.duplicates, r.progress"
    " FROM ratchet.submit_batch($1::pg_catalog.regclass, $2::pg_catalog.jsonb, $3::pg_catalog.bool) AS r";

nlohmann::json record(long question) {
  return {{"run_id", question % runs + 1},
          {"question_id", question},
          {"is_correct", question % 3 != 0},
          {"score", question % 10},
          {"answer", "an answer of some forty characters " + std::to_string(question)}};
}

std::string chunk_as_json(long first) {
  auto array = nlohmann::json::array();
  for (long question = first; question < first + chunk; ++question) array.push_back(record(question));
  return array.dump();
}

void send_chunk(pqxx::transaction_base &tx, const std::string &json) {
  expect(send(tx, sql, table, json, "true")[0][1].as<long>() == chunk, "a chunk stored");
}

// Hands the JSON of each chunk to `each`: made beforehand, or when it is needed.
using sender = std::function<void(const std::function<void(const std::string &)> &each)>;

sender at_hand(long number) {
  auto chunks = std::make_shared<std::vector<std::string>>();
  for (long first = 0; first < records; first += chunk) chunks->push_back(chunk_as_json(number * records + first));
  return [chunks](const auto &each) {
    for (const auto &json : *chunks) each(json);
  };
}

sender converted(long number) {
  return [number](const auto &each) {
    for (long first = 0; first < records; first += chunk) each(chunk_as_json(number * records + first));
  };
}

// Every chunk commits by itself.
variant raw_alone(sessions &with, sender (*prepare)(long)) {
  return [&with, prepare](long number) {
    return [&with, send_all = prepare(number)] {
      send_all([&](const std::string &json) {
        pqxx::nontransaction tx{with.connection};
        send_chunk(tx, json);
        tx.commit();
      });
    };
  };
}

variant raw_in_transaction(sessions &with, sender (*prepare)(long)) {
  return [&with, prepare](long number) {
    return [&with, send_all = prepare(number)] {
      pqxx::work tx{with.connection};
      send_all([&](const std::string &json) { send_chunk(tx, json); });
      tx.commit();
    };
  };
}

batch make_batch(long number) {
  batch result{table};
  for (long question = number * records; question < (number + 1) * records; ++question) result.add(record(question));
  return result;
}

void read(const batch_result &answer) { expect(answer.inserted == records, "a batch stored"); }

// The batch is made beforehand, or, with a null pointer, is part of what is timed.
using maker = std::shared_ptr<batch> (*)(long);
std::shared_ptr<batch> made(long number) { return std::make_shared<batch>(make_batch(number)); }
std::shared_ptr<batch> not_made(long) { return nullptr; }

variant sdk_alone(sessions &with, maker prepare) {
  return [&with, prepare](long number) {
    return [&with, number, ready = prepare(number)] { read(with.client.run(ready ? *ready : make_batch(number))); };
  };
}

variant sdk_in_transaction(sessions &with, maker prepare) {
  return [&with, prepare](long number) {
    return [&with, number, ready = prepare(number)] {
      pqxx::work tx{with.connection};
      read((ready ? *ready : make_batch(number)).run(tx));
      tx.commit();
    };
  };
}

}  // namespace

variants batch_variants(sessions &with) {
  return {{"raw_at_hand", raw_alone(with, at_hand)},
          {"sdk_at_hand", sdk_alone(with, made)},
          {"raw_converted", raw_alone(with, converted)},
          {"sdk_converted", sdk_alone(with, not_made)},
          {"raw_work_at_hand", raw_in_transaction(with, at_hand)},
          {"sdk_work_at_hand", sdk_in_transaction(with, made)},
          {"raw_work_converted", raw_in_transaction(with, converted)},
          {"sdk_work_converted", sdk_in_transaction(with, not_made)}};
}

}  // namespace ratchet::bench
