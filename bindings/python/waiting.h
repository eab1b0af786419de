#ifndef GOVERNOR_BINDINGS_PYTHON_WAITING_H_
#define GOVERNOR_BINDINGS_PYTHON_WAITING_H_

#include <pybind11/pybind11.h>

#include <exception>

#include "governor/base/should_stop.h"

namespace governor {

// The ShouldStop for a call that this thread is about to wait in without the
// GIL, so that Ctrl-C ends it: runs Python's signal handlers. True when one
// raised: its exception is set then, and Throw (errors.h) throws that whatever
// the status. Called with the GIL.
//
// Empty on any thread but Python's main one, where no handler ever runs: a wait
// there takes no GIL until it is over.
ShouldStop UntilSignalHandlerRaises();

// What `__exit__(*raised)` does: closes, and says what went wrong with that,
// but not in the place of an exception that the body of the `with` raised,
// unless it is no error but an interrupt.
template <typename Close>
void CloseOnExit(const pybind11::args& raised, Close close) {
  const bool is_unwinding = !raised.empty() && !raised[0].is_none();
  try {
    close();
  } catch (const pybind11::error_already_set& error) {
    if (!is_unwinding || !error.matches(PyExc_Exception)) throw;
  } catch (const std::exception&) {
    if (!is_unwinding) throw;
  }
}

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_WAITING_H_
