#include <memory>
#include <string>
#include <utility>

#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/exit_gate.h"
#include "bindings/python/python_reclaimer.h"
#include "bindings/python/shared_registration.h"
#include "bindings/python/waiting.h"

namespace py = pybind11;

namespace governor {
namespace {

// Who asks a callback. Members in the order in which they must outlive each
// other.
struct Asker {
  std::shared_ptr<SharedGovernor> governor;
  std::unique_ptr<PythonReclaimer> reclaimer;
  // Of one that was dropped while a call of it was under way.
  std::unique_ptr<Budget::Registration> last;
};

struct PyReclaimRegistration {
  // Made before, so that to drop this needs no memory.
  std::unique_ptr<Asker> asker = std::make_unique<Asker>();
  SharedRegistration<Budget::Registration> registration;

  // Drops it, if it was not ended. Waits for nobody: a call of the callback
  // that is under way on another thread goes on.
  ~PyReclaimRegistration() {
    std::unique_ptr<Budget::Registration> mine = registration.Release();
    if (mine == nullptr) return;
    const bool is_stuck = PythonReclaimer::HasStuckCalls();
    if (!is_stuck) {
      WarnOfDrop();
      if (mine->End(/*should_stop=*/[] { return true; })) return;
      // From here on it holds nothing of Python's.
      asker->reclaimer->DropCallback();
    }
    asker->last = std::move(mine);
    Asker* const last = asker.release();
    if (!is_stuck) DoOnAnotherThread([last] { delete last; });
  }

  // Waits for a call of the callback that is under way on another thread; and
  // for another thread that waits so, unless that waits for this one. Throws
  // what a signal handler raised: then it has not ended.
  void End() {
    if (asker->governor == nullptr || PythonReclaimer::HasStuckCalls()) return;
    if (!registration.End(/*waits=*/!asker->governor->IsOwnThread(),
                          UntilSignalHandlerRaises())) {
      throw py::error_already_set();
    }
  }

  void WarnOfDrop() const {
    if (!asker->governor->is_open() || ExitGate::Get().IsExiting()) return;
    if (PyErr_WarnEx(PyExc_RuntimeWarning,
                     "a reclaim callback is not asked any more, because what "
                     "on_reclaim returned was dropped: keep that, and end it "
                     "with cancel() or as a `with`",
                     /*stack_level=*/1) != 0) {
      PyErr_WriteUnraisable(nullptr);
    }
  }

  PythonReclaimer* reclaimer() const { return asker->reclaimer.get(); }
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
  if (inside == nullptr || inside->reclaimer() == nullptr) return 0;
  Py_VISIT(inside->reclaimer()->callback().ptr());
  return 0;
}

int Clear(PyObject* self) {
  PyReclaimRegistration* const inside = InsideOf(self);
  if (inside != nullptr && inside->reclaimer() != nullptr) {
    inside->reclaimer()->DropCallback();
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

It is asked until cancel() or the end of a `with`. Keep it: dropped before that it
ends, too, with a RuntimeWarning.)";

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
  Asker& asker = *made.asker;
  asker.governor = std::move(governor);
  asker.reclaimer = std::make_unique<PythonReclaimer>(
      py::reinterpret_borrow<py::object>(callback));
  made.registration.Set(
      ValueOrThrow(asker.governor->CallWithoutGil([&](Governor& open) {
        return open.OnReclaim(*asker.reclaimer, options);
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
for a call of it that cancels. Waits for a call that is under way; Ctrl-C ends
that wait, and cancel() can be called again. In a signal handler that runs inside
a cancel() of it this waits for nothing: that one ends it. When it has ended,
again does nothing.)")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__",
           [](PyReclaimRegistration& self, const py::args&) { self.End(); });
}

}  // namespace governor
