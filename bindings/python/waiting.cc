#include "bindings/python/waiting.h"

#include <cxxabi.h>

#include "bindings/python/errors.h"

namespace py = pybind11;

namespace governor {

bool SignalHandlerRaised() {
  try {
    const py::gil_scoped_acquire gil;
    return PyErr_CheckSignals() != 0;
  } catch (abi::__forced_unwind&) {
    // Python ends, and would unwind a thread that is in a call of it.
    StandStill();
  }
}

}  // namespace governor
