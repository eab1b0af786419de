#include <memory>
#include <string>
#include <utility>

#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/python_reclaimer.h"

namespace py = pybind11;

namespace governor {
namespace {

// Members in the order in which they must outlive each other.
struct PyReclaimRegistration {
  std::shared_ptr<SharedGovernor> governor;
  std::unique_ptr<PythonReclaimer> reclaimer;
  std::unique_ptr<Budget::Registration> registration;

  ~PyReclaimRegistration() { End(); }

  // Waits for a call of the callback that is under way, without the GIL that
  // the callback needs.
  void End() {
    if (registration == nullptr) return;
    WithoutGil([this] { registration.reset(); });
  }
};

constexpr char kDoc[] =
    R"(A callback that governor asks for memory. Made by Governor.on_reclaim.

It is asked until cancel(), the end of a `with`, or until this is dropped: keep
it.)";

}  // namespace

py::object MakeReclaimRegistration(std::shared_ptr<SharedGovernor> governor,
                                   py::handle callback, py::handle priority,
                                   py::handle cheap) {
  if (PyCallable_Check(callback.ptr()) == 0) {
    throw py::type_error("in callback: not callable: " +
                         std::string(py::repr(callback)));
  }
  ReclaimerOptions options;
  options.priority = ToInt("priority", priority);
  if (ToFlag("cheap", cheap)) options.cost = ReclaimerOptions::Cost::kCheap;
  auto [object, made] = NewEmpty<PyReclaimRegistration>();
  made.governor = std::move(governor);
  made.reclaimer = std::make_unique<PythonReclaimer>(
      py::reinterpret_borrow<py::object>(callback));
  made.registration = ValueOrThrow(
      made.governor->CallWithoutGil([&, &made = made](Governor& open) {
        return open.OnReclaim(*made.reclaimer, options);
      }));
  return object;
}

void BindReclaim(py::module_& module) {
  PythonReclaimer::StopAtExit(module);
  py::class_<PyReclaimRegistration> registration(module, "ReclaimRegistration",
                                                 kDoc, py::is_final());
  ForbidNew(registration);
  registration
      .def(
          "cancel", [](PyReclaimRegistration& self) { self.End(); },
          "cancel()\n\nThe callback is not called any more, and is not running "
          "when this returns. Again does nothing.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__",
           [](PyReclaimRegistration& self, const py::args&) { self.End(); });
}

}  // namespace governor
