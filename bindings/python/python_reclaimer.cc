#include "bindings/python/python_reclaimer.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "bindings/python/arguments.h"
#include "bindings/python/errors.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"

namespace py = pybind11;

namespace governor {
namespace {

// Which threads are in Python on a governor's behalf. Lives for ever: a thread
// may outlive the program's statics.
class Callers {
 public:
  static Callers& Get() {
    static auto* const callers = new Callers;
    return *callers;
  }

  // False: Python is about to be gone.
  bool Enter() {
    if (!process_.is_current()) return false;
    MutexLock lock(mutex_);
    if (exiting_) return false;
    ++inside_;
    return true;
  }
  void Leave() {
    if (!process_.is_current()) return;
    MutexLock lock(mutex_);
    --inside_;
    left_.NotifyAll();
  }
  // Nobody enters any more. Waits for those inside, so long.
  void Close(absl::Duration timeout) {
    // In a forked child those inside are not there, nor is who held the lock.
    if (!process_.is_current()) return;
    const absl::Time deadline = absl::Now() + timeout;
    MutexLock lock(mutex_);
    exiting_ = true;
    while (inside_ > 0 && absl::Now() < deadline) {
      left_.WaitFor(mutex_, deadline - absl::Now());
    }
  }

 private:
  const ProcessEpoch process_;
  Mutex mutex_;
  CondVar left_;
  bool exiting_ ABSL_GUARDED_BY(mutex_) = false;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
};

Bytes Call(const py::object& callback, Bytes wanted, absl::Time deadline) {
  try {
    const double seconds =
        std::max(0.0, absl::ToDoubleSeconds(deadline - absl::Now()));
    const py::object given = callback(wanted.count(), seconds);
    if (given.is_none()) return Bytes();
    return Bytes(ToCount("what the reclaim callback returned", given));
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable(callback);
  } catch (py::builtin_exception& error) {
    error.set_error();
    py::error_already_set().discard_as_unraisable(callback);
  }
  return Bytes();
}

}  // namespace

Bytes PythonReclaimer::Reclaim(Bytes wanted, absl::Time deadline) {
  if (!Callers::Get().Enter()) return Bytes();
  Bytes given;
  {
    const py::gil_scoped_acquire gil;
    // It may end its registration, and with it this object.
    const py::object callback = callback_;
    given = Call(callback, wanted, deadline);
  }
  Callers::Get().Leave();
  return given;
}

void PythonReclaimer::StopAtExit(py::module_& module) {
  py::module_::import("atexit").attr("register")(py::cpp_function(
      [] { WithoutGil([] { Callers::Get().Close(absl::Seconds(5)); }); },
      py::scope(module)));
}

}  // namespace governor
