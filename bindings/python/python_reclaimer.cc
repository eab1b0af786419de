#include "bindings/python/python_reclaimer.h"

#include <cxxabi.h>

#include <algorithm>

#include "absl/time/clock.h"
#include "bindings/python/arguments.h"
#include "bindings/python/errors.h"
#include "bindings/python/exit_gate.h"

namespace py = pybind11;

namespace governor {
namespace {

Bytes Call(const py::object& callback, Bytes wanted, absl::Time deadline) {
  try {
    const double seconds =
        std::max(0.0, absl::ToDoubleSeconds(deadline - absl::Now()));
    // By C alone: nothing on the way is to be destroyed when Python ends
    // inside.
    const auto given = py::reinterpret_steal<py::object>(PyObject_CallFunction(
        callback.ptr(), "Kd", static_cast<unsigned long long>(wanted.count()),
        seconds));
    if (!given) throw py::error_already_set();
    if (given.is_none()) return Bytes();
    return Bytes(ToCount("what the reclaim callback returned", given));
  } catch (abi::__forced_unwind&) {
    StandStill();
  } catch (py::error_already_set& error) {
    if (error.matches(PyExc_KeyboardInterrupt)) {
      // Not the callback's own: whoever called tick() gets it.
      PyErr_SetInterrupt();
    } else {
      error.discard_as_unraisable(callback);
    }
  } catch (py::builtin_exception& error) {
    error.set_error();
    py::error_already_set().discard_as_unraisable(callback);
  }
  return Bytes();
}

}  // namespace

Bytes PythonReclaimer::Reclaim(Bytes wanted, absl::Time deadline) {
  const ExitGate::Pass pass;
  if (!pass.is_inside()) return Bytes();
  const py::gil_scoped_acquire gil;
  // It may end its registration, and with it this object.
  const py::object callback = callback_;
  if (!callback) return Bytes();
  return Call(callback, wanted, deadline);
}

bool PythonReclaimer::HasStuckCalls() { return ExitGate::Get().HasStuck(); }

void PythonReclaimer::StopAtExit(py::module_& module) {
  py::module_::import("atexit").attr("register")(py::cpp_function(
      [] { WithoutGil([] { ExitGate::Get().Close(absl::Seconds(5)); }); },
      py::scope(module)));
}

}  // namespace governor
