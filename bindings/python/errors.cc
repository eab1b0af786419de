#include "bindings/python/errors.h"

#include <cxxabi.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

#include "governor/budget/refusal.h"

namespace py = pybind11;

namespace governor {
namespace {

[[noreturn]] void Raise(py::handle type, py::handle exception) {
  PyErr_SetObject(type.ptr(), exception.ptr());
  throw py::error_already_set();
}

py::object ErrorClass(const char* name) {
  return py::module_::import("governor.errors").attr(name);
}

[[noreturn]] void ThrowAs(const char* class_name, const std::string& message) {
  const py::object type = ErrorClass(class_name);
  Raise(type, type(message));
}

[[noreturn]] void ThrowRefusal(const char* class_name,
                               const std::string& message,
                               const Refusal& refusal) {
  py::list holders;
  for (const Refusal::Holder& holder : refusal.holders) {
    holders.append(py::make_tuple(holder.tag, holder.granted.count()));
  }
  const py::object type = ErrorClass(class_name);
  Raise(type, type(message, py::arg("asked") = refusal.asked.count(),
                   py::arg("granted") = refusal.granted.count(),
                   py::arg("limit") = refusal.limit.count(),
                   py::arg("limited_by") = refusal.limited_by,
                   py::arg("headroom") = refusal.headroom.count(),
                   py::arg("holders") = holders, py::arg("tag") = refusal.tag));
}

}  // namespace

void Throw(const absl::Status& status) {
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  const std::string message(status.message());
  if (const std::optional<Refusal> refusal = RefusalOf(status)) {
    ThrowRefusal(
        absl::IsInvalidArgument(status) ? "DoesNotFit" : "BudgetExceeded",
        message, *refusal);
  }
  if (absl::IsInvalidArgument(status)) throw py::value_error(message);
  ThrowGovernorError(message);
}

void ThrowOpening(const absl::Status& status) {
  if (absl::IsUnavailable(status) || absl::IsUnimplemented(status)) {
    ThrowAs("DriverUnavailable", std::string(status.message()));
  }
  Throw(status);
}

void ThrowReading(const absl::Status& status, py::handle path) {
  if (!absl::IsNotFound(status) && !absl::IsPermissionDenied(status)) {
    Throw(status);
  }
  // Python chooses the class by the number. The message may name another file:
  // one that a folder lacks.
  const py::object exception =
      py::handle(PyExc_OSError)(absl::IsNotFound(status) ? ENOENT : EACCES,
                                std::string(status.message()), path);
  Raise(py::type::of(exception), exception);
}

void ThrowGovernorError(const std::string& message) {
  ThrowAs("GovernorError", message);
}

ReleasedGil::~ReleasedGil() {
  try {
    PyEval_RestoreThread(thread_);
  } catch (abi::__forced_unwind&) {
    StandStill();
  }
}

void StandStill() {
  while (true) ::pause();
}

}  // namespace governor
