#include "bindings/python/json_to_python.h"

#include <cstdint>
#include <string>

namespace py = pybind11;

namespace governor {

py::object ToPython(const nlohmann::ordered_json& json) {
  switch (json.type()) {
    case nlohmann::ordered_json::value_t::object: {
      py::dict dict;
      for (const auto& [key, value] : json.items()) {
        dict[py::str(key)] = ToPython(value);
      }
      return dict;
    }
    case nlohmann::ordered_json::value_t::array: {
      py::list list;
      for (const auto& value : json) list.append(ToPython(value));
      return list;
    }
    case nlohmann::ordered_json::value_t::string:
      return py::str(json.get_ref<const std::string&>());
    case nlohmann::ordered_json::value_t::boolean:
      return py::bool_(json.get<bool>());
    case nlohmann::ordered_json::value_t::number_integer:
      return py::int_(json.get<int64_t>());
    case nlohmann::ordered_json::value_t::number_unsigned:
      return py::int_(json.get<uint64_t>());
    case nlohmann::ordered_json::value_t::number_float:
      return py::float_(json.get<double>());
    default:
      return py::none();
  }
}

}  // namespace governor
