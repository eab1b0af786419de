#include <cstdint>
#include <memory>
#include <utility>

#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/shared_registration.h"

namespace py = pybind11;

namespace governor {
namespace {

// A buffer, held so that its memory stays where it is.
class HeldBuffer {
 public:
  explicit HeldBuffer(py::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) {
      throw py::error_already_set();
    }
  }
  ~HeldBuffer() { PyBuffer_Release(&view_); }
  HeldBuffer(const HeldBuffer&) = delete;
  HeldBuffer& operator=(const HeldBuffer&) = delete;

  MemoryRange range() const {
    return {.address = reinterpret_cast<uintptr_t>(view_.buf),
            .size = Bytes(static_cast<uint64_t>(view_.len))};
  }

 private:
  Py_buffer view_;
};

// Members in the order in which they must outlive each other.
struct PyKeptMemory {
  std::shared_ptr<SharedGovernor> governor;
  std::unique_ptr<HeldBuffer> buffer;
  SharedRegistration<PageBack::Registration> registration;

  ~PyKeptMemory() { End(); }
  void End() {
    registration.End();
    buffer.reset();
  }
};

constexpr char kDoc[] =
    R"(A buffer whose swapped pages come back. Made by Governor.keep_in_memory.

Until release(), the end of a `with`, or until this is dropped.)";

}  // namespace

py::object MakeKeptMemory(std::shared_ptr<SharedGovernor> governor,
                          py::handle buffer) {
  auto [object, made] = NewEmpty<PyKeptMemory>();
  made.governor = std::move(governor);
  made.buffer = std::make_unique<HeldBuffer>(buffer);
  made.registration.Set(ValueOrThrow(made.governor->CallWithoutGil(
      [range = made.buffer->range()](Governor& open) {
        return open.KeepInMemory(range);
      })));
  return object;
}

void BindKeptMemory(py::module_& module) {
  py::class_<PyKeptMemory> type(module, "KeptMemory", kDoc, py::is_final());
  ForbidNew(type);
  type.def(
          "release", [](PyKeptMemory& self) { self.End(); },
          "release()\n\nThe buffer is let go; again does nothing.")
      .def("__enter__", [](py::object self) { return self; })
      .def("__exit__", [](PyKeptMemory& self, const py::args&) { self.End(); });
}

}  // namespace governor
