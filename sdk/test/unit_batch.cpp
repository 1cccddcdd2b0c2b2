// How a batch is cut and put together again, with a server that is a function.
#include <gtest/gtest.h>

#include <ratchet/ratchet.hpp>

namespace {

using ratchet::batch;
using ratchet::batch_outcome;
using ratchet::rows;
using ratchet::statement;

nlohmann::json record(int n) { return {{"n", n}, {"m", -n}}; }

batch numbers(int count) {
  batch result("t");
  for (int n = 0; n < count; ++n) result.add(record(n));
  return result;
}

// The records of what is sent, a list for each statement.
struct recorder {
  rows operator()(const statement &what) {
    sent.push_back(nlohmann::json::parse(*what.parameters[1]));
    const auto next = sent.size() - 1;
    return next < answers.size() ? answers[next] : rows{{"stored", std::to_string(sent.back().size()), "[]", "[]", {}}};
  }
  std::vector<nlohmann::json> sent;
  std::vector<rows> answers;
};

TEST(batch, is_cut_into_chunks) {
  recorder server;
  std::vector<std::size_t> told;
  const auto r = numbers(5)
                     .chunk(2)
                     .on_progress([&](const ratchet::batch_progress &p) {
                       EXPECT_EQ(p.total, 5U);
                       told.push_back(p.done);
                     })
                     .run(std::ref(server));
  EXPECT_EQ(server.sent, (std::vector<nlohmann::json>{{record(0), record(1)}, {record(2), record(3)}, {record(4)}}));
  EXPECT_EQ(told, (std::vector<std::size_t>{2, 4, 5}));
  EXPECT_EQ(r.inserted, 5);
  EXPECT_EQ(r.outcome, batch_outcome::stored);
}

TEST(batch, has_chunks_of_a_thousand) {
  recorder server;
  (void)numbers(2001).run(std::ref(server));
  EXPECT_EQ(server.sent.size(), 3U);
  EXPECT_EQ(server.sent[0].size(), 1000U);
  EXPECT_EQ(server.sent[2].size(), 1U);
}

TEST(batch, empty_one_is_asked_all_the_same) {
  recorder server;
  EXPECT_TRUE(batch("t").run(std::ref(server)));
  EXPECT_EQ(server.sent, std::vector<nlohmann::json>{nlohmann::json::array()});
}

TEST(batch, duplicates_are_told_by_their_place_in_the_batch) {
  recorder server;
  server.answers = {{{"partial", "1", R"([{"index": 1, "constraint": "k", "same_as": 0}])", "[]", {}}},
                    {{"partial", "1", R"([{"index": 0, "constraint": "k"}])", "[]", {}}}};
  const auto r = numbers(4).chunk(2).run(std::ref(server));
  ASSERT_EQ(r.duplicates.size(), 2U);
  EXPECT_EQ(r.duplicates[0].index, 1U);
  EXPECT_EQ(r.duplicates[0].same_as, 0U);
  EXPECT_EQ(r.duplicates[1].index, 2U);
  EXPECT_EQ(r.duplicates[1].same_as, std::nullopt);
  EXPECT_EQ(r.outcome, batch_outcome::partial);
}

TEST(batch, is_sent_in_the_order_of_columns_and_told_in_its_own) {
  recorder server;
  server.answers = {{{"partial", "1", R"([{"index": 1, "same_as": 0}])", "[]", {}}}};
  const auto r = numbers(3).order_by({"m"}).chunk(2).run(std::ref(server));
  EXPECT_EQ(server.sent[0], (nlohmann::json{record(2), record(1)}));
  EXPECT_EQ(server.sent[1], (nlohmann::json{record(0)}));
  ASSERT_EQ(r.duplicates.size(), 1U);
  EXPECT_EQ(r.duplicates[0].index, 1U);
  EXPECT_EQ(r.duplicates[0].same_as, 2U);
}

batch_outcome outcome_of(std::vector<std::string> outcomes) {
  recorder server;
  for (const auto &outcome : outcomes) server.answers.push_back({{outcome, "0", "[]", "[]", {}}});
  return numbers(static_cast<int>(outcomes.size())).chunk(1).run(std::ref(server)).outcome;
}

TEST(batch, outcome_is_that_of_all_chunks) {
  EXPECT_EQ(outcome_of({"stored", "stored"}), batch_outcome::stored);
  EXPECT_EQ(outcome_of({"duplicates", "duplicates"}), batch_outcome::duplicates);
  EXPECT_EQ(outcome_of({"duplicates", "stored"}), batch_outcome::partial);
  EXPECT_EQ(outcome_of({"stored", "duplicates", "stored"}), batch_outcome::partial);
  EXPECT_EQ(outcome_of({"partial", "partial"}), batch_outcome::partial);
  EXPECT_EQ(outcome_of({"stored", "newer"}), batch_outcome::unknown);
  EXPECT_EQ(outcome_of({"newer", "stored"}), batch_outcome::unknown);
}

TEST(batch, full_chunk_ends_it) {
  recorder server;
  server.answers = {
      {{"stored", "2", "[]", {}, {}}}, {{"full", "0", "[]", {}, "t_n_limit"}}, {{"stored", "2", "[]", {}, {}}}};
  std::size_t done = 0;
  auto batch = numbers(6);
  const auto r =
      batch.chunk(2).on_progress([&](const ratchet::batch_progress &p) { done = p.done; }).run(std::ref(server));
  EXPECT_EQ(r.outcome, batch_outcome::full);
  EXPECT_EQ(r.outcome_text, "full");
  EXPECT_EQ(r.conflict, "t_n_limit");
  EXPECT_FALSE(r);
  EXPECT_EQ(r.inserted, 2);
  EXPECT_EQ(done, 2U);  // what a client has committed
  EXPECT_EQ(server.sent.size(), 2U);
}

TEST(batch, parents_are_told_once_as_the_last_chunk_left_them) {
  const auto parent = [](int id, int count, const char *table = "public.runs") {
    return nlohmann::json{{"parent", table}, {"key", {{"id", id}}}, {"columns", {{"n", count}}}, {"done", false}};
  };
  recorder server;
  server.answers = {{{"stored", "1", "[]", nlohmann::json{parent(1, 1), parent(2, 1)}.dump(), {}}},
                    {{"stored", "1", "[]", nlohmann::json{parent(1, 2), parent(2, 7, "public.users")}.dump(), {}}}};
  const auto r = numbers(2).chunk(1).run(std::ref(server));
  ASSERT_EQ(r.progress.size(), 3U);
  EXPECT_EQ(r.progress[0].count("n"), 2);
  EXPECT_EQ(r.progress[1].count("n"), 1);
  EXPECT_EQ(r.progress[2].count("n"), 7);  // of another table with the same key
}

TEST(batch, chunk_of_nothing_is_refused) {
  try {
    batch("t").chunk(0);
    FAIL();
  } catch (const ratchet::error &e) {
    EXPECT_EQ(e.sqlstate(), "22023");
  }
}

TEST(batch, an_answer_of_another_form_is_an_error) {
  for (const auto &answer : std::vector<rows>{{}, {{"stored"}}, {{"stored", "x", "[]", "[]", {}}}}) {
    EXPECT_THROW((void)numbers(1).run([&](const statement &) { return answer; }), ratchet::error);
  }
}

}  // namespace
