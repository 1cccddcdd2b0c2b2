#include "pg/fence.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>

#include "core/error.h"

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

struct Failure {
  char sqlstate[6];
  char message[512];
  char detail[1024];
  char hint[512];
};

Failure kept;

void keep(const char *sqlstate, const char *message, const char *detail = "", const char *hint = "") noexcept {
  copy_cut(kept.sqlstate, sqlstate);
  copy_cut(kept.message, message);
  copy_cut(kept.detail, detail);
  copy_cut(kept.hint, hint);
}

}  // namespace

void keep_exception() noexcept {
  try {
    throw;
  } catch (const core::error &caught) {
    keep(caught.sqlstate().c_str(), caught.what(), caught.detail().c_str(), caught.hint().c_str());
  } catch (const std::bad_alloc &) {
    keep("53200", "out of memory");
  } catch (const std::exception &caught) {
    keep("XX000", caught.what());
  } catch (...) {
    keep("XX000", "unknown C++ exception");
  }
}

void raise_kept() {
  const char *s = kept.sqlstate;
  ereport(ERROR, errcode(MAKE_SQLSTATE(s[0], s[1], s[2], s[3], s[4])), errmsg_internal("%s", kept.message),
          kept.detail[0] != '\0' ? errdetail_internal("%s", kept.detail) : 0,
          kept.hint[0] != '\0' ? errhint("%s", kept.hint) : 0);
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
