#include "bindings/python/waiting.h"

#include <cxxabi.h>

#include "bindings/python/errors.h"

namespace py = pybind11;

// Python's own test of who runs signal handlers: right in a forked child and
// where Python is embedded, too. Python 3.13 exports it, and shows it no more.
extern "C" PyAPI_FUNC(int) _PyOS_IsMainThread(void);

namespace governor {
namespace {

bool SignalHandlerRaised() {
  try {
    const py::gil_scoped_acquire gil;
    return PyErr_CheckSignals() != 0;
  } catch (abi::__forced_unwind&) {
    // Python ends, and would unwind a thread that is in a call of it.
    StandStill();
  }
}

}  // namespace

ShouldStop UntilSignalHandlerRaises() {
  if (_PyOS_IsMainThread() == 0) return nullptr;
  return &SignalHandlerRaised;
}

}  // namespace governor
