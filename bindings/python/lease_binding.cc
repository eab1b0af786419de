#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/waiting.h"
#include "governor/base/mutex.h"
#include "governor/budget/grant.h"

namespace py = pybind11;

namespace governor {
namespace {

// What changes the grant may wait for another thread that reads the machine, so
// that it is done without the GIL, by one thread at a time. Every function is
// called with the GIL. In a forked child, where whoever was at it is not there,
// nothing touches the grant, which is void.
class PyLease {
 public:
  PyLease() = default;
  ~PyLease() {
    const ReleasedGil released;
    grant_.Release();
    governor_.reset();
  }

  void Set(std::shared_ptr<SharedGovernor> governor, Grant grant) {
    MutexLock lock(mutex_);
    governor_ = std::move(governor);
    size_ = grant.size();
    grant_ = std::move(grant);
  }
  Bytes size() const { return size_; }
  // Throws GovernorError in a forked child.
  void CheckProcess() const { governor_->CheckProcess(); }

  void Settle() {
    if (!governor_->is_current_process()) return;
    WithoutGil([this] {
      MutexLock lock(mutex_);
      grant_.Settle();
    });
  }
  void Release() {
    size_ = Bytes();
    if (!governor_->is_current_process()) return;
    WithoutGil([this] {
      MutexLock lock(mutex_);
      grant_.Release();
    });
  }

 private:
  std::shared_ptr<SharedGovernor> governor_;  // outlives the grant
  Bytes size_;                                // guarded by the GIL
  Mutex mutex_;
  Grant grant_ ABSL_GUARDED_BY(mutex_);
};

constexpr char kDoc[] =
    R"(A grant without memory, for bytes that somebody else allocates.

Made by Governor.lease. It is held until it is released, by release(), at the end
of a `with`, or when it is dropped.)";

}  // namespace

py::object MakeLease(std::shared_ptr<SharedGovernor> governor, py::handle size,
                     py::handle priority, py::handle deadline) {
  const Bytes bytes = ToBytes("size", size);
  AcquireOptions options;
  options.priority = Optional(&ToInt, "priority", priority)
                         .value_or(governor->Constants().priority());
  options.deadline = ToDeadline("deadline", deadline);
  options.should_stop = UntilSignalHandlerRaises();
  Grant grant = ValueOrThrow(governor->CallWithoutGil(
      [&](Governor& open) { return open.Lease(bytes, options); }));
  auto [object, lease] = NewEmpty<PyLease>();
  lease.Set(std::move(governor), std::move(grant));
  return object;
}

void BindLease(py::module_& module) {
  py::class_<PyLease> lease(module, "Lease", kDoc, py::is_final());
  ForbidNew(lease);
  lease
      .def_property_readonly(
          "size", [](const PyLease& self) { return self.size().count(); },
          "What it holds, in bytes; 0 once it is released.")
      .def(
          "release",
          [](PyLease& self) {
            self.CheckProcess();
            self.Release();
          },
          "release()\n\nGives the bytes back; again does nothing.")
      .def(
          "settle",
          [](PyLease& self) {
            self.CheckProcess();
            self.Settle();
          },
          "settle()\n\nSays that the bytes it was taken for are allocated: the "
          "machine's own figures show them, and until it is said they count "
          "against the floor a second time.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__",
           [](PyLease& self, const py::args&) {
             // Void in a forked child, which unwinds what is not its own.
             self.Release();
           })
      .def("__repr__", [](const PyLease& self) {
        return absl::StrCat("<governor.Lease of ", ToString(self.size()), ">");
      });
}

}  // namespace governor
