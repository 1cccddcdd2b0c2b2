#include "answer.hpp"

#include <charconv>
#include <ratchet/error.hpp>

namespace ratchet::detail {

namespace {

using nlohmann::json;

// Parses the column and hands the document, which is nobody else's, to `convert`; whatever nlohmann-json throws becomes
// a ratchet::error.
template <typename Convert>
auto read(const std::string &column, Convert convert) {
  try {
    return convert(json::parse(column));
  } catch (const json::exception &) {
    std::throw_with_nested(error(error_kind::other, "the server's answer cannot be read"));
  }
}

// A member that may be missing or null.
template <typename T>
std::optional<T> member(const json &object, const char *name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return found->get<T>();
}

parent_progress parent_of(json &&object) {
  return {object.at("parent").get<std::string>(), std::move(object.at("key")), std::move(object.at("columns")),
          member<bool>(object, "done")};
}

duplicate duplicate_of(const json &object) {
  return {object.at("index").get<std::size_t>(), member<std::string>(object, "constraint").value_or(""),
          member<std::size_t>(object, "same_as")};
}

template <typename Element, typename Convert>
std::vector<Element> elements(const nullable &column, Convert convert) {
  if (!column) return {};
  return read(*column, [&](json &&array) {
    auto &list = array.get_ref<json::array_t &>();
    std::vector<Element> result;
    result.reserve(list.size());
    for (auto &element : list) result.push_back(convert(std::move(element)));
    return result;
  });
}

}  // namespace

std::optional<json> document(const nullable &column) {
  if (!column) return std::nullopt;
  return read(*column, [](json parsed) { return parsed; });
}

std::vector<std::string> names(const nullable &column) {
  return elements<std::string>(column, [](const json &name) { return name.get<std::string>(); });
}

std::int64_t number(const nullable &column) {
  if (!column) return 0;
  std::int64_t result = 0;
  const char *end = column->data() + column->size();
  const auto parsed = std::from_chars(column->data(), end, result);
  if (parsed.ec != std::errc{} || parsed.ptr != end) {
    throw error(error_kind::other, "the server's answer cannot be read");
  }
  return result;
}

std::optional<std::chrono::microseconds> duration(const nullable &column) {
  if (!column) return std::nullopt;
  return std::chrono::microseconds{number(column)};
}

std::optional<timestamp> time(const nullable &column) {
  if (!column) return std::nullopt;
  return timestamp{std::chrono::microseconds{number(column)}};
}

std::optional<parent_progress> parent(const nullable &column) {
  if (!column) return std::nullopt;
  return read(*column, parent_of);
}

std::vector<parent_progress> parents(const nullable &column) { return elements<parent_progress>(column, parent_of); }

std::vector<duplicate> duplicates(const nullable &column) { return elements<duplicate>(column, duplicate_of); }

}  // namespace ratchet::detail
