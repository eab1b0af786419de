#include <memory>
#include <string>
#include <utility>

#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/python_reclaimer.h"
#include "bindings/python/shared_registration.h"

namespace py = pybind11;

namespace governor {
namespace {

// Members in the order in which they must outlive each other.
struct PyReclaimRegistration {
  std::shared_ptr<SharedGovernor> governor;
  std::unique_ptr<PythonReclaimer> reclaimer;
  SharedRegistration<Budget::Registration> registration;

  ~PyReclaimRegistration() { End(); }

  // Waits for a call of the callback that is under way on another thread; and
  // for another thread that waits so, unless that waits for this one.
  void End() {
    if (governor == nullptr) return;
    if (PythonReclaimer::HasStuckCalls()) {
      registration.Abandon();
      static_cast<void>(reclaimer.release());
      return;
    }
    registration.End(/*waits=*/!governor->IsOwnThread());
  }
};

// What follows makes Python's garbage collector see the callback: it often
// belongs to the object that keeps the registration.
PyReclaimRegistration* InsideOf(PyObject* self) {
  auto* const instance = reinterpret_cast<py::detail::instance*>(self);
  return instance->get_value_and_holder().value_ptr<PyReclaimRegistration>();
}

int Traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  const PyReclaimRegistration* const inside = InsideOf(self);
  if (inside == nullptr || inside->reclaimer == nullptr) return 0;
  Py_VISIT(inside->reclaimer->callback().ptr());
  return 0;
}

int Clear(PyObject* self) {
  PyReclaimRegistration* const inside = InsideOf(self);
  if (inside != nullptr && inside->reclaimer != nullptr) {
    inside->reclaimer->DropCallback();
  }
  return 0;
}

void Deallocate(PyObject* self) {
  // pybind11 does not: collected while its destructor is without the GIL, it
  // would be destroyed twice.
  PyObject_GC_UnTrack(self);
  reinterpret_cast<PyTypeObject*>(py::detail::get_internals().instance_base)
      ->tp_dealloc(self);
}

void MakeCollectable(PyHeapTypeObject* type) {
  type->ht_type.tp_flags |= Py_TPFLAGS_HAVE_GC;
  type->ht_type.tp_traverse = &Traverse;
  type->ht_type.tp_clear = &Clear;
  type->ht_type.tp_dealloc = &Deallocate;
}

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
  made.registration.Set(ValueOrThrow(
      made.governor->CallWithoutGil([&, &made = made](Governor& open) {
        return open.OnReclaim(*made.reclaimer, options);
      })));
  return object;
}

void BindReclaim(py::module_& module) {
  PythonReclaimer::StopAtExit(module);
  py::class_<PyReclaimRegistration> registration(
      module, "ReclaimRegistration", kDoc, py::is_final(),
      py::custom_type_setup(&MakeCollectable));
  ForbidNew(registration);
  registration
      .def(
          "cancel", [](PyReclaimRegistration& self) { self.End(); },
          R"(cancel()

The callback is not called any more, and is not running when this returns, but
for a call of it that cancels. Again does nothing.)")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__",
           [](PyReclaimRegistration& self, const py::args&) { self.End(); });
}

}  // namespace governor
