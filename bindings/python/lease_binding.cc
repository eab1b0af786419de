#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/waiting.h"
#include "governor/budget/grant.h"

namespace py = pybind11;

namespace governor {
namespace {

struct PyLease {
  std::shared_ptr<SharedGovernor> governor;  // outlives the grant
  Grant grant;
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
  options.should_stop = &SignalHandlerRaised;
  Grant grant = ValueOrThrow(governor->CallWithoutGil(
      [&](Governor& open) { return open.Lease(bytes, options); }));
  auto [object, lease] = NewEmpty<PyLease>();
  lease.governor = std::move(governor);
  lease.grant = std::move(grant);
  return object;
}

void BindLease(py::module_& module) {
  py::class_<PyLease> lease(module, "Lease", kDoc, py::is_final());
  ForbidNew(lease);
  lease
      .def_property_readonly(
          "size", [](const PyLease& self) { return self.grant.size().count(); },
          "What it holds, in bytes; 0 once it is released.")
      .def(
          "release",
          [](PyLease& self) {
            self.governor->CheckProcess();
            self.grant.Release();
          },
          "release()\n\nGives the bytes back; again does nothing.")
      .def(
          "settle",
          [](PyLease& self) {
            self.governor->CheckProcess();
            self.grant.Settle();
          },
          "settle()\n\nSays that the bytes it was taken for are allocated: the "
          "machine's own figures show them, and until it is said they count "
          "against the floor a second time.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__",
           [](PyLease& self, const py::args&) {
             // Void in a forked child, which unwinds what is not its own.
             self.grant.Release();
           })
      .def("__repr__", [](const PyLease& self) {
        return absl::StrCat("<governor.Lease of ", ToString(self.grant.size()),
                            ">");
      });
}

}  // namespace governor
