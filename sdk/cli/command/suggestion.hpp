// Which contracts the tables of a database seem to want: judged by names and types alone, so that it can be tested
// without a server. It prefers to say nothing: what is suggested is to be right, and a person reads it first.
#pragma once

#include <string>
#include <vector>

namespace ratchet::cli {

struct seen_column {
  std::string name;
  std::string quoted;  // where SQL needs it
  std::string type;    // as format_type() writes it
  bool not_null = false;
  bool has_default = false;
  bool writable = true;             // not generated, and no identity
  bool in_key = false;              // of a unique index or a foreign key
  std::vector<std::string> values;  // of an enum, or of a CHECK that lists them; empty: not known
};

struct seen_reference {
  std::string child;       // qualified and quoted, as are all names of tables; it has one foreign key to the parent
  std::string child_name;  // the bare name
  std::vector<seen_column> child_columns;
};

struct seen_table {
  std::string name;
  std::string bare_name;
  bool guarded = false;
  std::vector<seen_column> columns;
  std::vector<seen_reference> referred_by;
};

// SQL for a person to read, edit and run.
std::string suggestions_for(const std::vector<seen_table> &tables);

}  // namespace ratchet::cli
