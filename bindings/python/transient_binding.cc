#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/waiting.h"
#include "governor/unmanaged_account.h"

namespace py = pybind11;

namespace governor {
namespace {

struct PyTransient {
  std::shared_ptr<SharedGovernor> governor;  // outlives the transient
  std::unique_ptr<Transient> transient;
  uint64_t peak = 0;  // once it ended
  std::string name;
  uint64_t size = 0;

  void End() {
    if (transient == nullptr || !governor->is_current_process()) return;
    peak = governor->EndTransient(std::move(transient)).count();
  }
};

constexpr char kDoc[] =
    R"(A phase that takes memory which governor does not allocate, reserved before
it starts.

Made by Governor.transient, for `with`. Inside, unmanaged memory may grow by
`size` without becoming debt. Its peak is measured every 20 ms where there is a
thread (start_thread, on_reclaim) or the program ticks; else only when it begins
and ends, and by requests in between.)";

}  // namespace

py::object MakeTransient(std::shared_ptr<SharedGovernor> governor,
                         py::handle name, py::handle size, py::handle priority,
                         py::handle deadline) {
  const std::string text = ToText("name", name);
  const Bytes bytes = ToBytes("size", size);
  AcquireOptions options;
  options.priority = Optional(&ToInt, "priority", priority)
                         .value_or(governor->Constants().priority());
  options.deadline = ToDeadline("deadline", deadline);
  options.should_stop = UntilSignalHandlerRaises();
  std::unique_ptr<Transient> transient =
      ValueOrThrow(governor->CallWithoutGil([&](Governor& open) {
        return open.BeginTransient(text, bytes, options);
      }));
  auto [object, made] = NewEmpty<PyTransient>();
  made.governor = std::move(governor);
  made.transient = std::move(transient);
  made.name = text;
  made.size = bytes.count();
  return object;
}

void BindTransient(py::module_& module) {
  py::class_<PyTransient> type(module, "Transient", kDoc, py::is_final());
  ForbidNew(type);
  type.def_readonly("name", &PyTransient::name, "What the phase is called.")
      .def_readonly("size", &PyTransient::size, "What was reserved, in bytes.")
      .def_property_readonly(
          "peak",
          [](const PyTransient& self) {
            return self.transient != nullptr ? self.transient->peak().count()
                                             : self.peak;
          },
          "The most that unmanaged memory grew by inside, as measured, in "
          "bytes.")
      .def(
          "end", [](PyTransient& self) { self.End(); },
          "end()\n\nMeasures a last time and gives the reservation back; again "
          "does nothing.")
      .def("__enter__",
           [](py::object self) {
             if (self.cast<PyTransient&>().transient == nullptr) {
               ThrowGovernorError(
                   "the transient has ended, and reserves nothing any more; "
                   "make a new one");
             }
             return self;
           })
      .def("__exit__", [](PyTransient& self, const py::args&) { self.End(); })
      .def("__repr__", [](const PyTransient& self) {
        return absl::StrCat("<governor.Transient '", self.name, "' of ",
                            ToString(Bytes(self.size)), ">");
      });
}

}  // namespace governor
