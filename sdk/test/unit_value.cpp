#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <ratchet/ratchet.hpp>
#include <string>
#include <type_traits>

namespace {

using nlohmann::json;
using ratchet::value;
using namespace std::string_literals;

// The SQLSTATE of the ratchet::error that the call throws, or what happened instead.
template <typename Call>
std::string refused(Call call) {
  try {
    call();
  } catch (const ratchet::error &e) {
    EXPECT_EQ(e.kind(), ratchet::error_kind::argument);
    EXPECT_EQ(ratchet::http_status(e), 400);
    return e.sqlstate();
  }
  return "accepted";
}

TEST(value, takes_what_a_column_can_hold) {
  EXPECT_EQ(value(true).json(), json(true));
  EXPECT_EQ(value(0).json(), json(0));
  EXPECT_EQ(value(std::numeric_limits<std::int64_t>::min()).json().dump(), "-9223372036854775808");
  EXPECT_EQ(value(std::numeric_limits<std::uint64_t>::max()).json().dump(), "18446744073709551615");
  EXPECT_EQ(value(0.1).json().dump(), "0.1");
  EXPECT_EQ(value("text").json(), json("text"));
  EXPECT_EQ(value("text"s).json(), json("text"));
  EXPECT_EQ(value(std::string_view{"text"}).json(), json("text"));
  EXPECT_EQ(value(json{{"a", {1, 2}}}).json().dump(), R"({"a":[1,2]})");
}

TEST(value, null_has_many_spellings) {
  EXPECT_TRUE(value(nullptr).json().is_null());
  EXPECT_TRUE(value(std::nullopt).json().is_null());
  EXPECT_TRUE(value(std::optional<int>{}).json().is_null());
  EXPECT_TRUE(value(static_cast<const char *>(nullptr)).json().is_null());
  EXPECT_EQ(value(std::optional<int>{5}).json(), json(5));
  EXPECT_EQ(value(std::optional<std::string>{"x"}).json(), json("x"));
}

TEST(value, numbers_without_a_json_form_become_text) {
  EXPECT_EQ(value(std::nan("")).json(), json("NaN"));
  EXPECT_EQ(value(std::numeric_limits<double>::infinity()).json(), json("Infinity"));
  EXPECT_EQ(value(-std::numeric_limits<float>::infinity()).json(), json("-Infinity"));
  EXPECT_EQ(refused([] { value(json{{"a", std::nan("")}}); }), "22023");
}

TEST(value, characters_and_pointers_are_no_values) {
  static_assert(!std::is_convertible_v<char, value>);
  static_assert(!std::is_convertible_v<int *, value>);
  static_assert(!std::is_convertible_v<char, ratchet::identifier>);
  static_assert(!std::is_convertible_v<bool, ratchet::identifier>);
}

TEST(value, embedded_nul_is_refused_wherever_text_goes) {
  const auto bad = "a\0b"s;
  EXPECT_EQ(refused([&] { value{bad}; }), "22021");
  EXPECT_EQ(refused([&] { value(json{{"deep", {1, {{"er", bad}}}}}); }), "22021");
  EXPECT_EQ(refused([&] { value(json{{bad, 1}}); }), "22021");
  EXPECT_EQ(refused([&] { ratchet::identifier{bad}; }), "22021");
  EXPECT_EQ(refused([&] { ratchet::key{bad}; }), "22021");
  EXPECT_EQ(refused([&] { ratchet::key{json{{"id", bad}}}; }), "22021");

  EXPECT_EQ(refused([&] { ratchet::submission(bad, 1); }), "22021");
  ratchet::submission submission{"t", 1};
  EXPECT_EQ(refused([&] { submission.actor(bad); }), "22021");
  EXPECT_EQ(refused([&] { submission.set(bad, 1); }), "22021");
  EXPECT_EQ(refused([&] { submission.set("c", bad); }), "22021");
  EXPECT_EQ(refused([&] { submission.idempotency_key(bad); }), "22021");
  EXPECT_EQ(refused([&] { submission.store_in(bad, json::object()); }), "22021");
  EXPECT_EQ(refused([&] { submission.store_in("c", json{{"a", bad}}); }), "22021");
  EXPECT_EQ(refused([&] { submission.expect(bad, 1); }), "22021");

  EXPECT_EQ(refused([&] { ratchet::change(bad, 1); }), "22021");
  ratchet::change change{"t", 1};
  EXPECT_EQ(refused([&] { change.set(bad, 1); }), "22021");
  EXPECT_EQ(refused([&] { change.expect(bad, 1); }), "22021");

  EXPECT_EQ(refused([&] { ratchet::advance(bad, 1, "s"); }), "22021");
  EXPECT_EQ(refused([&] { ratchet::advance("t", 1, bad); }), "22021");
  ratchet::advance advance{"t", 1, "s"};
  EXPECT_EQ(refused([&] { advance.state_column(bad); }), "22021");
  EXPECT_EQ(refused([&] { advance.set(bad, 1); }), "22021");
  EXPECT_EQ(refused([&] { advance.idempotency_key(bad); }), "22021");
  EXPECT_EQ(refused([&] { advance.store_in(bad, json::object()); }), "22021");
  EXPECT_EQ(refused([&] { advance.store_in("c", json{{"a", bad}}); }), "22021");
  EXPECT_EQ(refused([&] { advance.expect(bad, 1); }), "22021");

  EXPECT_EQ(refused([&] { ratchet::beat(bad, 1); }), "22021");
  EXPECT_EQ(refused([&] { ratchet::beat("t", 1).set(bad, 1); }), "22021");
  EXPECT_EQ(refused([&] { ratchet::beat("t", 1).set("c", bad); }), "22021");

  EXPECT_EQ(refused([&] { ratchet::stuck(bad, std::chrono::hours{1}); }), "22021");
  EXPECT_EQ(refused([&] { ratchet::stuck("t", std::chrono::hours{1}).state(bad); }), "22021");
  EXPECT_EQ(refused([&] { ratchet::stuck("t", std::chrono::hours{1}).since(bad); }), "22021");
}

TEST(key, is_a_scalar_or_an_object) {
  EXPECT_EQ(ratchet::key{17}.text(), "17");
  EXPECT_EQ(ratchet::key{"0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10"}.text(), "0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10");
  EXPECT_FALSE(ratchet::key{"x"s}.composite());
  const ratchet::key composite{json{{"project_id", 1}, {"evaluator_id", 7}}};
  EXPECT_TRUE(composite.composite());
  EXPECT_EQ(json::parse(composite.text()), (json{{"project_id", 1}, {"evaluator_id", 7}}));
  EXPECT_EQ(refused([] { ratchet::key{json(17)}; }), "22023");
  EXPECT_EQ(refused([] { ratchet::key{json::array({1, 2})}; }), "22023");
}

TEST(key, text_that_is_not_utf8_is_refused) {
  EXPECT_EQ(refused([] { ratchet::key{json{{"id", "\xff"}}}; }), "22021");
}

TEST(submission, a_record_is_an_object) {
  ratchet::submission submission{"t", 1};
  EXPECT_EQ(refused([&] { submission.store_in("c", json::array()); }), "22023");
}

TEST(advance, a_record_is_an_object) {
  ratchet::advance advance{"t", 1, "s"};
  EXPECT_EQ(refused([&] { advance.store_in("c", json("text")); }), "22023");
}

TEST(batch, records_are_objects_and_a_refused_one_changes_nothing) {
  ratchet::batch batch{"t"};
  EXPECT_TRUE(batch.empty());
  batch.add({{"a", 1}}).add(json::object());
  EXPECT_EQ(refused([&] { batch.add(json::array({1})); }), "22023");
  EXPECT_EQ(refused([&] { batch.add(1); }), "22023");
  EXPECT_EQ(refused([&] { batch.add({{"a", std::nan("")}}); }), "22023");
  EXPECT_EQ(refused([&] { batch.add({{"a", "\xff"}}); }), "22021");
  EXPECT_EQ(batch.size(), 2U);
  EXPECT_FALSE(batch.empty());
}

std::string time_text(std::chrono::microseconds since_1970) {
  return value{ratchet::timestamp{since_1970}}.json().get<std::string>();
}

TEST(value, points_in_time_are_utc_to_the_microsecond) {
  using namespace std::chrono;
  EXPECT_EQ(time_text(0us), "1970-01-01 00:00:00.000000+00");
  EXPECT_EQ(time_text(1793663999s + 999999us), "2026-11-02 23:59:59.999999+00");
  EXPECT_EQ(time_text(-1us), "1969-12-31 23:59:59.999999+00");
  EXPECT_EQ(time_text(-62135596800s), "0001-01-01 00:00:00.000000+00");
  EXPECT_EQ(time_text(-62135596800s - 1us), "0001-12-31 23:59:59.999999+00 BC");
  EXPECT_EQ(time_text(253402300800s), "10000-01-01 00:00:00.000000+00");
}

TEST(value, points_in_time_of_any_resolution_are_rounded_down) {
  using namespace std::chrono;
  EXPECT_EQ(value{system_clock::time_point{}}.json(), "1970-01-01 00:00:00.000000+00");
  EXPECT_EQ((value{time_point<system_clock, nanoseconds>{-1ns}}.json()), "1969-12-31 23:59:59.999999+00");
  EXPECT_EQ((value{time_point<system_clock, hours>{25h}}.json()), "1970-01-02 01:00:00.000000+00");
}

TEST(value, text_that_is_not_utf8_is_refused_where_it_comes_in) {
  const std::string broken = "caf\xe9";
  const auto sqlstate = [](const auto &make) {
    try {
      make();
    } catch (const ratchet::error &e) {
      EXPECT_EQ(e.kind(), ratchet::error_kind::argument);
      return e.sqlstate();
    }
    return std::string{"nothing"};
  };
  EXPECT_EQ(sqlstate([&] { value{broken}; }), "22021");
  EXPECT_EQ(sqlstate([&] { value{broken.c_str()}; }), "22021");
  EXPECT_EQ(sqlstate([&] { ratchet::identifier{broken}; }), "22021");
  EXPECT_EQ(sqlstate([&] { ratchet::submission{broken, 1}; }), "22021");
  EXPECT_EQ(sqlstate([&] { ratchet::submission{"t", 1}.set(broken, 1); }), "22021");
  EXPECT_EQ(sqlstate([&] {
              (void)ratchet::submission{"t", 1}.set("a", nlohmann::json{broken}).to_statement();
            }),
            "22021");
  EXPECT_EQ(sqlstate([&] { ratchet::batch{"t"}.add({{"a", broken}}); }), "22021");
  EXPECT_EQ(sqlstate([&] { value{"café €"}; }), "nothing");
}

TEST(advance, expectation_that_is_no_object_is_refused) {
  for (const auto &wrong : {nlohmann::json{}, nlohmann::json{1, 2}, nlohmann::json{"text"}, nlohmann::json{7}}) {
    try {
      (void)ratchet::advance{"t", 1, "s"}.expect(wrong);
      ADD_FAILURE() << wrong << " was taken";
    } catch (const ratchet::error &e) {
      EXPECT_EQ(e.sqlstate(), "22023");
      EXPECT_EQ(e.kind(), ratchet::error_kind::argument);
    }
  }
}

}  // namespace
