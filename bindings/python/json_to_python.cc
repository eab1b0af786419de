#include "bindings/python/json_to_python.h"

#include <cstdint>
#include <string>

#include "absl/cleanup/cleanup.h"

namespace py = pybind11;

namespace governor {

namespace {

using Json = nlohmann::ordered_json;

// Leaves a container empty, innermost first, so that no destructor allocates.
void Drain(Json& json) {
  if (json.is_object()) {
    auto& members = json.get_ref<Json::object_t&>();
    for (auto& member : members) Drain(member.second);
    members.clear();
  } else if (json.is_array()) {
    auto& elements = json.get_ref<Json::array_t&>();
    for (Json& element : elements) Drain(element);
    elements.clear();
  }
}

// As --json writes it: a path may be no UTF-8.
py::str Text(const std::string& text) {
  PyObject* const decoded = PyUnicode_DecodeUTF8(
      text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

py::object Convert(const Json& json) {
  switch (json.type()) {
    case Json::value_t::object: {
      py::dict dict;
      for (const auto& [key, value] : json.items()) {
        dict[py::str(key)] = Convert(value);
      }
      return dict;
    }
    case Json::value_t::array: {
      py::list list;
      for (const auto& value : json) list.append(Convert(value));
      return list;
    }
    case Json::value_t::string:
      return Text(json.get_ref<const std::string&>());
    case Json::value_t::boolean:
      return py::bool_(json.get<bool>());
    case Json::value_t::number_integer:
      return py::int_(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      return py::int_(json.get<uint64_t>());
    case Json::value_t::number_float:
      return py::float_(json.get<double>());
    default:
      return py::none();
  }
}

}  // namespace

py::object ToPython(Json json) {
  const auto drain = absl::MakeCleanup([&json] { Drain(json); });
  return Convert(json);
}

}  // namespace governor
