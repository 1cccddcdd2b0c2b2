#include "report/svg_timeline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "report/html_text.hpp"

namespace ratchet::cli {

namespace {

constexpr double width = 1000;
constexpr double left = 120;  // names of the lanes
constexpr double right = 30;
constexpr double radius = 10;  // of a mark
constexpr double row = 2 * radius + 5;
constexpr double axis_height = 30;
constexpr double top = 22;  // for labels above the first lane

struct mark {
  const event *what = nullptr;
  std::size_t number = 0;
  int row = 0;  // within its lane: marks do not cover each other
  double x = 0;
  double y = 0;
};

struct lane {
  std::string who;
  std::vector<mark> marks;
  int rows = 1;
  double y = 0;  // of its upper edge

  double height() const { return rows * row + 12; }
};

// Writers in the order in which they first did something.
std::vector<lane> lanes_of(const std::vector<event> &events) {
  std::vector<lane> lanes;
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto found = std::find_if(lanes.begin(), lanes.end(), [&](const auto &l) { return l.who == events[i].who; });
    if (found == lanes.end()) found = lanes.insert(lanes.end(), {events[i].who, {}, 1, 0});
    found->marks.push_back({&events[i], i + 1, 0, 0, 0});
  }
  return lanes;
}

// The uppermost row in which there is room at the right of what is there.
int free_row(const lane &of, std::size_t placed, double x) {
  for (int candidate = 0;; ++candidate) {
    bool taken = false;
    for (std::size_t i = 0; i < placed; ++i) {
      taken = taken || (of.marks[i].row == candidate && x - of.marks[i].x < 2 * radius + 2);
    }
    if (!taken) return candidate;
  }
}

class picture {
 public:
  explicit picture(const std::vector<event> &events) : lanes_(lanes_of(events)) {
    for (const auto &e : events) end_ = std::max(end_, e.ms);
    place();
  }

  std::string draw() {
    fmt::format_to(out(),
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:g} {:g}\" role=\"img\" "
                   "aria-label=\"Timeline of the round; the table below lists its events\">\n",
                   width, bottom_ + axis_height);
    for (const auto &each : lanes_) draw_lane(each);
    draw_axis();
    draw_loss();
    for (const auto &each : lanes_) draw_bars(each);
    for (const auto &each : lanes_) {
      for (const auto &m : each.marks) draw_mark(m);
    }
    return text_ + "</svg>\n";
  }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  double x_of(double ms) const { return left + ms / end_ * (width - left - right); }

  void place() {
    bottom_ = top;
    for (auto &each : lanes_) {
      each.y = bottom_;
      for (std::size_t i = 0; i < each.marks.size(); ++i) {
        auto &m = each.marks[i];
        m.x = x_of(m.what->ms);
        m.row = free_row(each, i, m.x);
        m.y = each.y + 6 + m.row * row + row / 2;
        each.rows = std::max(each.rows, m.row + 1);
      }
      bottom_ += each.height();
    }
  }

  void draw_lane(const lane &each) {
    fmt::format_to(out(), "<rect class=\"lane\" x=\"0\" y=\"{:g}\" width=\"{:g}\" height=\"{:g}\" rx=\"4\"/>\n",
                   each.y + 1, width, each.height() - 2);
    fmt::format_to(out(), "<text class=\"who\" x=\"10\" y=\"{:g}\">{}</text>\n", each.y + 6 + row / 2 + 4,
                   escaped(each.who));
  }

  // Five to ten lines at round times.
  void draw_axis() {
    double step = std::pow(10, std::floor(std::log10(end_ / 5)));
    if (end_ / step > 10) step *= end_ / step > 20 ? 5 : 2;
    for (double ms = 0; ms <= end_; ms += step) {
      fmt::format_to(out(), "<line class=\"tick\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:g}\" y2=\"{2:g}\"/>\n",
                     x_of(ms), top, bottom_ + 4);
      fmt::format_to(out(), "<text class=\"time\" x=\"{:.1f}\" y=\"{:g}\">{:g} ms</text>\n", x_of(ms), bottom_ + 18,
                     ms);
    }
  }

  // From what a writer read, or began with, to each of its writes.
  void draw_bars(const lane &each) {
    const mark *read = nullptr;
    for (const auto &m : each.marks) {
      if (m.what->kind == act::read) read = &m;
      if (m.what->kind != act::wrote && m.what->kind != act::failed) continue;
      if (read != nullptr) {
        fmt::format_to(out(), "<line class=\"bar{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                       m.what->in_loss == part::undoing ? " undoing" : "", read->x, read->y, m.x, m.y);
      }
    }
  }

  const mark *find(part wanted) const {
    for (const auto &each : lanes_) {
      for (const auto &m : each.marks) {
        if (m.what->in_loss == wanted) return &m;
      }
    }
    return nullptr;
  }

  void draw_loss() {
    const auto *undone = find(part::undone);
    const auto *undoing = find(part::undoing);
    if (undone == nullptr || undoing == nullptr) return;
    fmt::format_to(out(), "<line class=\"moment\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:g}\" y2=\"{2:g}\"/>\n",
                   undone->x, top, bottom_);
    fmt::format_to(out(), "<line class=\"undid\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n",
                   undoing->x, undoing->y, undone->x, undone->y);
    const bool late = undone->x > width / 2;
    fmt::format_to(out(), "<text class=\"lost\" x=\"{:.1f}\" y=\"14\"{}>{}: answered success, and lost</text>\n",
                   undone->x + (late ? 6 : -6), late ? " text-anchor=\"end\"" : "", undone->number);
  }

  void draw_mark(const mark &m) {
    fmt::format_to(out(), "<g class=\"mark {}{}\"><title>{}. {:.2f} ms, {}: {}</title>", shape_class(m.what->kind),
                   m.what->in_loss == part::undone    ? " undone"
                   : m.what->in_loss == part::undoing ? " undoing"
                                                      : "",
                   m.number, m.what->ms, escaped(m.what->who), escaped(m.what->what));
    draw_shape(m);
    fmt::format_to(out(), "<text x=\"{:.1f}\" y=\"{:.1f}\">{}</text></g>\n", m.x, m.y + 3.7, m.number);
  }

  void draw_shape(const mark &m) {
    if (m.what->kind == act::read || m.what->kind == act::note) {
      fmt::format_to(out(), "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:g}\"/>", m.x, m.y, radius);
    } else {
      fmt::format_to(out(), "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:g}\" height=\"{:g}\" rx=\"3\"/>", m.x - radius,
                     m.y - radius, 2 * radius, 2 * radius);
    }
  }

  static const char *shape_class(act kind) {
    switch (kind) {
      case act::read:
        return "read";
      case act::wrote:
        return "wrote";
      case act::failed:
        return "failed";
      case act::left:
        return "left";
      case act::note:
        break;
    }
    return "note";
  }

  std::vector<lane> lanes_;
  double end_ = 0.01;  // of the time, in ms; never zero
  double bottom_ = 0;  // of the lanes
  std::string text_;
};

}  // namespace

std::string svg_timeline(const std::vector<event> &events) { return picture{events}.draw(); }

}  // namespace ratchet::cli
