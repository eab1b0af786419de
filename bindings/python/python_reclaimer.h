#ifndef GOVERNOR_BINDINGS_PYTHON_PYTHON_RECLAIMER_H_
#define GOVERNOR_BINDINGS_PYTHON_PYTHON_RECLAIMER_H_

#include <pybind11/pybind11.h>

#include <utility>

#include "governor/budget/reclaimer.h"

namespace governor {

// A Python callable as a Reclaimer: callback(wanted_bytes, seconds) -> bytes
// given back. Called on the governor's thread or inside tick(), with the GIL.
// What it raises goes to sys.unraisablehook, and counts as nothing given.
// After Python has begun to exit it is not called any more.
class PythonReclaimer final : public Reclaimer {
 public:
  // Made and destroyed with the GIL; destroyed without it, too, after
  // DropCallback.
  explicit PythonReclaimer(pybind11::object callback)
      : callback_(std::move(callback)) {}

  Bytes Reclaim(Bytes wanted, absl::Time deadline) override;

  // For Python's garbage collector, with the GIL: what this holds, and to let
  // it go, after which there is nothing to call.
  pybind11::handle callback() const { return callback_; }
  void DropCallback() { pybind11::object(std::move(callback_)); }

  // To be called when the module is made: from Python's exit on no callback
  // runs, and the exit waits for the one that does, at most five seconds.
  static void StopAtExit(pybind11::module_& module);

  // Python is about to be gone, and a call that exit waited for in vain is
  // under way: whoever would wait for its end would wait for ever.
  static bool HasStuckCalls();

 private:
  pybind11::object callback_;
};

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_PYTHON_RECLAIMER_H_
