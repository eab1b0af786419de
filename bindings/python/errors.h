#ifndef GOVERNOR_BINDINGS_PYTHON_ERRORS_H_
#define GOVERNOR_BINDINGS_PYTHON_ERRORS_H_

#include <pybind11/pybind11.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace governor {

// The only mapping of a status to Python's exceptions; governor/errors.py has
// the classes. Each function is called with the GIL held, and leaves by a C++
// exception that pybind11 turns into the Python one.
//
//   what a signal handler raised        that, whatever the status
//   RESOURCE_EXHAUSTED with a refusal   BudgetExceeded, with its numbers
//   INVALID_ARGUMENT with a refusal     DoesNotFit, which is a ValueError, too
//   INVALID_ARGUMENT                    ValueError
//   anything else                       GovernorError
[[noreturn]] void Throw(const absl::Status& status);

// The same while a governor is opened, where no driver and no device
// (UNAVAILABLE, UNIMPLEMENTED) is DriverUnavailable.
[[noreturn]] void ThrowOpening(const absl::Status& status);

// The same while the file at `path` (a str, bytes or PathLike) is read, where
// NOT_FOUND is FileNotFoundError and PERMISSION_DENIED is PermissionError.
[[noreturn]] void ThrowReading(const absl::Status& status,
                               pybind11::handle path);

// A GovernorError of the binding's own.
[[noreturn]] void ThrowGovernorError(const std::string& message);

inline void OkOrThrow(const absl::Status& status) {
  if (!status.ok()) Throw(status);
}

template <typename T>
T ValueOrThrow(absl::StatusOr<T> value) {
  if (!value.ok()) Throw(value.status());
  return *std::move(value);
}

// No GIL while it lives. A thread that wants it back when Python ends never
// returns, as from Python 3.14 on: Python would unwind it, through frames that
// end the program then.
class ReleasedGil {
 public:
  ReleasedGil() : thread_(PyEval_SaveThread()) {}
  ~ReleasedGil();
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;

 private:
  PyThreadState* const thread_;
};

// Never returns.
[[noreturn]] void StandStill();

// `call()` without the GIL: for what can wait, calls the driver or reads files.
template <typename Call>
auto WithoutGil(const Call& call) {
  const ReleasedGil released;
  return call();
}

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_ERRORS_H_
