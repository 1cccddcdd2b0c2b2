// pg/list.h: ranges over a List, as foreach() goes over one.
//
// What is appended in the loop is seen by it. Items are deleted with foreach_delete_current(), and so with foreach().
#pragma once

#include "pg/pg.h"

extern "C" {
#include "nodes/pg_list.h"
}

namespace ratchet {

struct ListEnd {};

template <typename Item, Item (*Get)(const ListCell *)>
struct ListRange {
  const List *list;  // NIL: empty
  struct Iterator {
    const List *list;
    int place;
    bool operator!=(ListEnd) const { return list != NIL && place < list->length; }
    Iterator &operator++() {
      ++place;
      return *this;
    }
    Item operator*() const { return Get(&list->elements[place]); }
  };
  Iterator begin() const { return {list, 0}; }
  ListEnd end() const { return {}; }
};

template <typename T>
T *pointer_of_cell(const ListCell *cell) {
  return static_cast<T *>(lfirst(cell));
}
inline Oid oid_of_cell(const ListCell *cell) { return lfirst_oid(cell); }
inline int int_of_cell(const ListCell *cell) { return lfirst_int(cell); }

// A list of T *.
template <typename T>
ListRange<T *, pointer_of_cell<T>> each(const List *list) {
  return {list};
}
inline ListRange<Oid, oid_of_cell> each_oid(const List *list) { return {list}; }
inline ListRange<int, int_of_cell> each_int(const List *list) { return {list}; }

}  // namespace ratchet
