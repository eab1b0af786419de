#ifndef GOVERNOR_BINDINGS_PYTHON_JSON_TO_PYTHON_H_
#define GOVERNOR_BINDINGS_PYTHON_JSON_TO_PYTHON_H_

#include <pybind11/pybind11.h>

#include <nlohmann/json.hpp>

namespace governor {

// The dict, list, str, int, float, bool or None that `json` is. Consumes it:
// json's own destructor allocates where something is left in it, and without
// memory that would end the program instead of raising MemoryError.
pybind11::object ToPython(nlohmann::ordered_json json);

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_JSON_TO_PYTHON_H_
