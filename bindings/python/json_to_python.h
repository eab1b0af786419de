#ifndef GOVERNOR_BINDINGS_PYTHON_JSON_TO_PYTHON_H_
#define GOVERNOR_BINDINGS_PYTHON_JSON_TO_PYTHON_H_

#include <pybind11/pybind11.h>

#include <nlohmann/json.hpp>

namespace governor {

// The dict, list, str, int, float, bool or None that `json` is.
pybind11::object ToPython(const nlohmann::ordered_json& json);

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_JSON_TO_PYTHON_H_
