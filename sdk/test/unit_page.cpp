// The page of a race: everything is told, nothing of what others wrote is markup, nothing is loaded from elsewhere.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <system_error>

#include "report/html_text.hpp"
#include "report/page.hpp"
#include "report/svg_timeline.hpp"

namespace ratchet::cli {
namespace {

std::size_t count(const std::string &text, const std::string &part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::vector<event> round_with_loss() {
  return {{1, "saver", "read <b>&'\"", act::read},
          {2, "submitter", "read", act::read},
          {3, "submitter", "wrote", act::wrote, {}, part::undone},
          {3, "submitter", "was told", act::note},
          {9, "saver", "wrote", act::wrote, {}, part::undoing},
          {9, "other", "failed", act::failed},
          {9, "row", "is gone", act::left}};
}

story told() {
  story result;
  result.title = "A <race>";
  result.headline = "1 & 2";
  result.columns = {{"rounds", ""}, {"lost", "what is \"lost\""}};
  result.variants.resize(2);
  result.variants[0] = {"none", "<none>", {"5", "4 > 3"}, {}};
  result.variants[0].shown = {3, 3, round_with_loss(), "saver <undid> it"};
  result.variants[1] = {"fine", "guarded", {"5", "0"}, {}};
  result.variants[1].shown.number = 1;
  result.notes = {"kept: <schema>"};
  return result;
}

TEST(page, text_of_others_is_escaped) {
  EXPECT_EQ(escaped("<a href=\"x\">'&</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&lt;/a&gt;");
  EXPECT_EQ(escaped("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\n\t"), "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\n\t");
}

TEST(page, what_is_no_utf8_is_replaced) {
  const std::string replacement = "\xEF\xBF\xBD";
  for (const char *bad : {"\xFF", "\xC3", "\xC0", "\x01", "\x1B"}) EXPECT_EQ(escaped(bad), replacement) << bad;
  EXPECT_EQ(escaped("\xED\xA0\x80"), replacement + replacement + replacement);  // a surrogate
  EXPECT_EQ(escaped("\xC3("), replacement + "(");
}

TEST(page, picture_has_a_lane_for_each_writer_and_a_mark_for_each_event) {
  const auto svg = svg_timeline(round_with_loss());
  EXPECT_EQ(count(svg, "class=\"lane\""), 4U);
  EXPECT_EQ(count(svg, "<g class=\"mark "), 7U);
  EXPECT_EQ(count(svg, "<title>"), 7U);
  EXPECT_EQ(count(svg, "class=\"mark wrote undone\""), 1U);
  EXPECT_EQ(count(svg, "class=\"mark wrote undoing\""), 1U);
  EXPECT_EQ(count(svg, "class=\"bar undoing\""), 1U);
  EXPECT_EQ(count(svg, "class=\"bar\""), 1U);
  EXPECT_EQ(count(svg, "3: answered success, and lost"), 1U);
  EXPECT_NE(svg.find("1. 1.00 ms, saver: read &lt;b&gt;&amp;&#39;&quot;"), std::string::npos) << svg;
}

TEST(page, picture_of_a_round_without_a_loss_is_not_red) {
  auto events = round_with_loss();
  for (auto &e : events) e.in_loss = part::none;
  const auto svg = svg_timeline(events);
  EXPECT_EQ(count(svg, "undo"), 0U);
  EXPECT_EQ(count(svg, "lost"), 0U);
}

TEST(page, path_is_tried_beforehand_and_left_as_it_is) {
  EXPECT_THROW(check_writable("/nowhere/page.html"), std::system_error);
  EXPECT_THROW(check_writable(::testing::TempDir()), std::system_error);
  const std::string path = ::testing::TempDir() + "ratchet_page_tried.html";
  write_file(path, "old");
  check_writable(path);
  std::ifstream file{path};
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>{file}, {}), "old");
  std::remove(path.c_str());
}

TEST(page, picture_of_no_time_at_all_is_finite) {
  const auto svg = svg_timeline({{0, "a", "read", act::read}, {0, "b", "wrote", act::wrote}});
  EXPECT_EQ(count(svg, "nan") + count(svg, "inf"), 0U) << svg;
}

TEST(page, tells_everything) {
  const auto page = as_page(told());
  for (const char *part :
       {"<title>A &lt;race&gt;</title>", "1 &amp; 2", "&lt;none&gt;", "4 &gt; 3", "what is &quot;lost&quot;",
        "Round 3 was the first that went wrong. saver &lt;undid&gt; it", "kept: &lt;schema&gt;",
        "Nothing went wrong in any round.", "<tr class=\"undone\"><td class=\"number\">3</td>"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(count(page, "<svg "), 1U);  // the other has no timeline
}

TEST(page, needs_nothing_from_elsewhere) {
  const auto page = as_page(told());
  for (const char *part : {"<script", "src=", "href=", "url(", "@import"}) EXPECT_EQ(count(page, part), 0U) << part;
  EXPECT_EQ(count(page, "prefers-color-scheme: dark"), 1U);
}

TEST(page, file_is_written_as_a_whole_or_not_at_all) {
  const std::string path = ::testing::TempDir() + "ratchet_page_test.html";
  write_file(path, "old");
  write_file(path, "new");
  std::ifstream file{path};
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>{file}, {}), "new");
  std::remove(path.c_str());
  EXPECT_THROW(write_file("/nowhere/page.html", "x"), std::system_error);
}

}  // namespace
}  // namespace ratchet::cli
