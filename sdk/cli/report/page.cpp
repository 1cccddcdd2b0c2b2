#include "report/page.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <ratchet/version.hpp>
#include <system_error>
#include <utility>

#include "report/html_text.hpp"
#include "report/svg_timeline.hpp"

namespace ratchet::cli {

namespace {

constexpr const char *style = R"(
:root { color-scheme: light dark; --page: #fff; --text: #1c2024; --soft: #60646c; --line: #dcdfe4; --lane: #f4f5f7;
  --read: #fff; --write: #3a5bc7; --on-write: #fff; --bar: #aab6dc; --bad: #c8242f; --bad-soft: #fdecec; --good: #18794e;
  --good-soft: #e9f7ef; }
@media (prefers-color-scheme: dark) { :root { --page: #15171a; --text: #e8eaed; --soft: #a2a8b1; --line: #363a41;
  --lane: #1e2126; --read: #15171a; --write: #8ea7ff; --on-write: #10131c; --bar: #4a5680; --bad: #ff7a80;
  --bad-soft: #3a1a1d; --good: #5fd09a; --good-soft: #16301f; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page); max-width: 1080px;
  margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
p, dd { color: var(--soft); } code { font-size: .92em; }
.wide { overflow-x: auto; }
@media (max-width: 720px) { .scrolls::before { content: "wider than the window: scroll sideways \2192"; display: block;
  position: sticky; left: 0; width: max-content; color: var(--soft); font-size: .85em; } }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; } .number { text-align: right; white-space: pre; }
.what { overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { font-weight: 600; } dd { margin: 0; }
.verdict { padding: .5rem .8rem; border-left: 4px solid; border-radius: 4px; color: var(--text); }
.bad { border-color: var(--bad); background: var(--bad-soft); } .good { border-color: var(--good); background: var(--good-soft); }
tr.undone td, tr.undoing td { color: var(--bad); font-weight: 600; }
svg { display: block; width: 100%; height: auto; min-width: 640px; margin: .8rem 0; font: 12px system-ui, sans-serif; }
svg text { fill: var(--text); } svg .lane { fill: var(--lane); } svg .who { font-weight: 600; }
svg .tick { stroke: var(--line); } svg .time { fill: var(--soft); text-anchor: middle; font-size: 11px; }
svg .bar { stroke: var(--bar); stroke-width: 5; stroke-linecap: round; } svg .bar.undoing { stroke: var(--bad); }
svg .moment { stroke: var(--bad); stroke-dasharray: 3 4; } svg .lost { fill: var(--bad); font-weight: 600; }
svg .undid { stroke: var(--bad); stroke-width: 2; stroke-dasharray: 7 4; }
svg .mark text { text-anchor: middle; font-size: 10.5px; font-weight: 600; }
svg .mark circle, svg .mark rect { stroke: var(--write); stroke-width: 1.6; fill: var(--read); }
svg .wrote rect { fill: var(--write); } svg .wrote text { fill: var(--on-write); }
svg .note circle { stroke: var(--soft); stroke-dasharray: 2 2; } svg .left rect { stroke: var(--text); }
svg .failed rect { stroke-dasharray: 3 2; }
svg .undone rect { stroke: var(--bad); stroke-width: 2.5; fill: var(--bad-soft); } svg .undone text { fill: var(--bad); }
svg .undoing rect { stroke: var(--bad); fill: var(--bad); } svg .undoing text { fill: var(--page); }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .9em; }
)";

constexpr const char *key =
    "<p>In the pictures below, circle: read, or dashed: was told. Filled square: a write that was answered success; "
    "dashed: one that failed. "
    "The "
    "bar between them is how long a writer held what it had read. Red: the write that is gone, and the one that "
    "undid it. The last square is what was left.</p>\n";

class writer {
 public:
  std::string write(const story &told) {
    fmt::format_to(
        out(),
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta "
        "charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width, "
        "initial-scale=1\"/>\n<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<h1>{0}</h1>\n<p>{2}</p>\n",
        escaped(told.title), style, escaped(told.headline));
    summary(told);
    meanings(told);
    if (!told.verdict.empty()) fmt::format_to(out(), "<p><strong>{}</strong></p>\n", escaped(told.verdict));
    text_ += key;
    for (const auto &variant : told.variants) section(variant);
    for (const auto &note : told.notes) fmt::format_to(out(), "<p>{}</p>\n", escaped(note));
    fmt::format_to(out(), "<footer><p>Written by pg_ratchet {} race.</p></footer>\n</body>\n</html>\n",
                   RATCHET_VERSION);
    return std::move(text_);
  }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  void summary(const story &told) {
    text_ += "<div class=\"wide scrolls\"><table>\n<tr><th>variant</th><th></th>";
    for (const auto &column : told.columns) fmt::format_to(out(), "<th class=\"number\">{}</th>", escaped(column.name));
    text_ += "</tr>\n";
    for (const auto &variant : told.variants) {
      fmt::format_to(out(), "<tr><td><code>{}</code></td><td>{}</td>", escaped(variant.name), escaped(variant.meaning));
      for (const auto &cell : variant.cells) fmt::format_to(out(), "<td class=\"number\">{}</td>", escaped(cell));
      text_ += "</tr>\n";
    }
    text_ += "</table></div>\n";
  }

  void meanings(const story &told) {
    text_ += "<dl>\n";
    for (const auto &column : told.columns) {
      if (column.meaning.empty()) continue;
      fmt::format_to(out(), "<dt>{}</dt><dd>{}</dd>\n", escaped(column.name), escaped(column.meaning));
    }
    text_ += "</dl>\n";
  }

  void section(const story_variant &variant) {
    const auto &shown = variant.shown;
    fmt::format_to(out(), "<section>\n<h2><code>{}</code> {}</h2>\n", escaped(variant.name), escaped(variant.meaning));
    if (shown.failed_round == 0) {
      fmt::format_to(out(), "<p class=\"verdict good\">Nothing went wrong in any round. This is round {}.</p>\n",
                     shown.number);
    } else {
      fmt::format_to(out(), "<p class=\"verdict bad\">Round {} was the first that went wrong. {}</p>\n",
                     shown.failed_round, escaped(shown.loss));
    }
    if (!shown.timeline.empty()) {
      fmt::format_to(out(), "<div class=\"wide scrolls\">{}</div>\n", svg_timeline(shown.timeline));
      events(shown.timeline);
    }
    text_ += "</section>\n";
  }

  void events(const std::vector<event> &timeline) {
    text_ +=
        "<div class=\"wide\"><table>\n<tr><th class=\"number\">#</th><th "
        "class=\"number\">ms</th><th>who</th><th>what</th></tr>\n";
    for (std::size_t i = 0; i < timeline.size(); ++i) {
      const auto &e = timeline[i];
      const char *in_loss = e.in_loss == part::undone ? " class=\"undone\""
                            : e.in_loss != part::none ? " class=\"undoing\""
                                                      : "";
      fmt::format_to(out(),
                     "<tr{}><td class=\"number\">{}</td><td class=\"number\">{:.2f}</td><td>{}</td><td "
                     "class=\"what\">{}</td></tr>\n",
                     in_loss, i + 1, e.ms, escaped(e.who), escaped(e.what));
    }
    text_ += "</table></div>\n";
  }

  std::string text_;
};

// What is written to: a new file, which takes the old one's place when it is whole; behind a symbolic link the one that
// it leads to. A device or a pipe is itself.
struct target {
  explicit target(const std::string &path) {
    std::error_code none;
    const auto status = std::filesystem::status(path, none);
    replaces = !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
    const bool link = std::filesystem::is_symlink(std::filesystem::symlink_status(path, none));
    place = replaces && link && std::filesystem::exists(status) ? std::filesystem::canonical(path).string() : path;
    opened = replaces ? fmt::format("{}.{}", place, getpid()) : place;
  }

  std::string place;
  std::string opened;
  bool replaces;
};

std::system_error failed(const std::string &path) { return {errno, std::generic_category(), "cannot write " + path}; }

}  // namespace

std::string as_page(const story &told) { return writer{}.write(told); }

void check_writable(const std::string &path) {
  if (std::filesystem::is_directory(path)) {
    errno = EISDIR;
    throw failed(path);
  }
  const target written{path};
  FILE *file = std::fopen(written.opened.c_str(), written.replaces ? "w" : "a");
  if (file == nullptr) throw failed(path);
  std::fclose(file);
  if (written.replaces) std::remove(written.opened.c_str());
}

void write_file(const std::string &path, const std::string &content) {
  const target to{path};
  FILE *file = std::fopen(to.opened.c_str(), "w");
  if (file == nullptr) throw failed(path);
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed || (to.replaces && std::rename(to.opened.c_str(), to.place.c_str()) != 0)) {
    const auto failure = failed(path);
    if (to.replaces) std::remove(to.opened.c_str());
    throw failure;
  }
}

}  // namespace ratchet::cli
