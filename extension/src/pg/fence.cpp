#include "pg/fence.h"

#include <algorithm>
#include <cstring>

namespace ratchet {

namespace {

// Cuts at a character boundary of the server encoding where that is UTF-8, so
// that a message which was cut stays valid.
template <std::size_t Size>
void copy_cut(char (&to)[Size], const char *from) noexcept {
  std::size_t length = std::min(std::strlen(from), Size - 1);
  if (from[length] != '\0')
    while (length > 0 && (static_cast<unsigned char>(from[length]) & 0xC0) == 0x80) --length;
  std::memcpy(to, from, length);
  to[length] = '\0';
}

}  // namespace

void Failure::set(const core::error &caught) noexcept {
  copy_cut(sqlstate, caught.sqlstate().c_str());
  copy_cut(message, caught.what());
  copy_cut(detail, caught.detail().c_str());
  copy_cut(hint, caught.hint().c_str());
}

void Failure::set_out_of_memory() noexcept {
  copy_cut(sqlstate, "53200");
  copy_cut(message, "out of memory");
  detail[0] = hint[0] = '\0';
}

void Failure::set_internal(const char *what) noexcept {
  copy_cut(sqlstate, "XX000");
  copy_cut(message, what);
  detail[0] = hint[0] = '\0';
}

void raise(const Failure &failure) {
  const char *s = failure.sqlstate;
  ereport(ERROR, errcode(MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4])), errmsg_internal("%s", failure.message),
          failure.detail[0] != '\0' ? errdetail_internal("%s", failure.detail) : 0,
          failure.hint[0] != '\0' ? errhint("%s", failure.hint) : 0);
  pg_unreachable();
}

char *copy_text(MemoryContext context, const char *text, std::size_t length) {
  auto *copy = static_cast<char *>(MemoryContextAllocExtended(context, length + 1, MCXT_ALLOC_NO_OOM));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text, length);
  copy[length] = '\0';
  return copy;
}

}  // namespace ratchet
