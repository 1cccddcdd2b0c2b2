// Reads a database for `pg_ratchet top`.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <ratchet/statement.hpp>
#include <string>
#include <vector>

#include "top/pace.hpp"
#include "top/sample.hpp"

namespace ratchet::cli::top {

// Every statement is of one message, which begins with settings for this statement alone, so that a pooler between us
// and the server passes nothing of them on: it may not write, ends after two seconds, and waits for no lock (a
// statement that would is given up, and says so in a note), so that an ALTER TABLE is never delayed by who looks on.
//
// What is asked of the user's own tables is bounded. Of runs at most the best hundred of a table are read: by one query
// where the planner's estimate is that it is cheap, because the table is small or has a fitting index, otherwise out of
// the ten thousand rows that have the largest keys. Rows that are stuck are found by ratchet.stuck(), which may have to
// read a table. Either may then rest, and is shown as it was (top/pace.hpp).
class reader {
 public:
  // Sends statements without parameters in one message, and answers the rows of the last. Throws ratchet::error.
  using ask_function = std::function<rows(const std::string &)>;
  using clock_function = std::function<pace::time()>;

  // older_than: how long a row has shown no sign of life when it is called stuck.
  reader(
      ask_function ask, std::chrono::microseconds older_than,
      clock_function clock = [] { return std::chrono::steady_clock::now(); });

  // Throws ratchet::error where the connection is lost, or where not even the contracts can be read.
  sample read();

 private:
  struct declared;

  // What one question brought, kept while it rests.
  template <typename Row>
  struct kept {
    pace::time at;
    std::vector<Row> found;
    std::string note;
  };

  rows ask(const std::string &sql) const;
  rows ask_each(const std::string &select, const std::string &table, const std::string &order,
                std::vector<std::string> &notes) const;
  void read_server(sample &into) const;
  std::vector<declared> read_contracts(sample &into) const;
  void read_statistics(sample &into) const;
  void read_columns(sample &into) const;
  void read_findings(sample &into);
  void read_runs(sample &into, const declared &tally);
  void read_stuck(sample &into, const declared &guard);
  std::string runs_query(const declared &tally, std::string &note) const;

  template <typename Row, typename Read>
  void at_pace(std::map<std::string, kept<Row>> &known, const std::string &what, const std::string &table,
               std::vector<Row> &into, std::vector<std::string> &notes, const Read &read);

  ask_function ask_;
  std::chrono::microseconds older_than_;
  clock_function clock_;
  pace pace_;
  std::map<std::string, kept<run>> runs_;
  std::map<std::string, kept<stuck_row>> stuck_;
  std::int64_t errors_ = 0;
  std::int64_t warnings_ = 0;
};

}  // namespace ratchet::cli::top
