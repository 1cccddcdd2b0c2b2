// pg/memory.h: palloc() of a type.
#pragma once

#include "pg/pg.h"

// From 16 on macros of these names take the type as an argument.
#undef palloc_object
#undef palloc0_object
#undef palloc_array
#undef palloc0_array

namespace ratchet {

template <typename T>
T *palloc_object() {
  return static_cast<T *>(palloc(sizeof(T)));
}

template <typename T>
T *palloc0_object() {
  return static_cast<T *>(palloc0(sizeof(T)));
}

// Also of no items.
template <typename T>
T *palloc_array(Size count) {
  return static_cast<T *>(palloc(sizeof(T) * count));
}

template <typename T>
T *palloc0_array(Size count) {
  return static_cast<T *>(palloc0(sizeof(T) * count));
}

}  // namespace ratchet
