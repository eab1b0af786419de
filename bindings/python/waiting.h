#ifndef GOVERNOR_BINDINGS_PYTHON_WAITING_H_
#define GOVERNOR_BINDINGS_PYTHON_WAITING_H_

#include <pybind11/pybind11.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/budget/refusal.h"

namespace governor {

inline const absl::Status& StatusOf(const absl::Status& status) {
  return status;
}
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// Whether the wait for room may bring what was refused. What the driver has
// not, and what the machine could not make free for a step of a commit, time
// does not bring.
inline bool IsWorthWaiting(const Refusal& refusal) {
  return refusal.limited_by != "driver" && refusal.limited_by != "contiguity" &&
         refusal.limited_by != "reclaim" && refusal.asked <= refusal.limit;
}

// Calls `attempt(deadline)`, which may wait until then, in slices of 50 ms, so
// that Ctrl-C ends a wait: Python's signal handlers run between two of them.
// Returns the last attempt's result. Called with the GIL held.
//
// A slice ends only the wait for room. An attempt that was granted its bytes
// takes them, however long that takes: each step of a large commit has the time
// it needs to make the machine's memory free (FloorGate::kPloughTime), whatever
// its deadline. So it is not rolled back for the end of a slice.
template <typename Attempt>
auto WaitInSlices(absl::Time deadline, Attempt attempt) {
  while (true) {
    const absl::Time slice =
        std::min(deadline, absl::Now() + absl::Milliseconds(50));
    auto result = attempt(slice);
    const std::optional<Refusal> refusal = RefusalOf(StatusOf(result));
    if (!refusal || !IsWorthWaiting(*refusal) || absl::Now() >= deadline) {
      return result;
    }
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
  }
}

// What `__exit__(*raised)` does: closes, and says what went wrong with that,
// but not in the place of an exception that the body of the `with` raised.
template <typename Close>
void CloseOnExit(const pybind11::args& raised, Close close) {
  const bool is_unwinding = !raised.empty() && !raised[0].is_none();
  try {
    close();
  } catch (const std::exception&) {
    if (!is_unwinding) throw;
  }
}

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_WAITING_H_
