#include "bindings/python/arguments.h"

#include <limits>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "bindings/deadline.h"
#include "bindings/python/errors.h"

namespace py = pybind11;

namespace governor {
namespace {

std::string Complaint(const char* name, absl::string_view expected,
                      py::handle value) {
  return absl::StrCat("in ", name, ": expected ", expected, "; given ",
                      Py_TYPE(value.ptr())->tp_name, " ",
                      std::string(py::repr(value)));
}

// `value` as Python's int.
py::int_ ToPythonInt(const char* name, absl::string_view expected,
                     py::handle value) {
  // A bool is an int to Python, and a slip to everybody else.
  if (PyBool_Check(value.ptr()) || !PyIndex_Check(value.ptr())) {
    throw py::type_error(Complaint(name, expected, value));
  }
  PyObject* const number = PyNumber_Index(value.ptr());
  if (number == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::int_>(number);
}

uint64_t ToUnsigned(const char* name, absl::string_view expected,
                    py::handle value) {
  const py::int_ number = ToPythonInt(name, expected, value);
  const unsigned long long unsigned_number =
      PyLong_AsUnsignedLongLong(number.ptr());
  if (PyErr_Occurred() == nullptr) return unsigned_number;
  PyErr_Clear();
  throw py::value_error(
      Complaint(name, absl::StrCat(expected, " from 0 to 2^64 - 1"), number));
}

template <typename T>
T Parsed(const char* name, absl::StatusOr<T> parsed) {
  if (parsed.ok()) return *std::move(parsed);
  Throw(
      absl::Status(parsed.status().code(),
                   absl::StrCat("in ", name, ": ", parsed.status().message())));
}

constexpr absl::string_view kSize =
    "a size, '40GiB' or a whole number of bytes";

}  // namespace

Bytes ToBytes(const char* name, py::handle value) {
  if (PyUnicode_Check(value.ptr())) {
    return Parsed(name, ParseBytes(ToText(name, value)));
  }
  return Bytes(ToUnsigned(name, kSize, value));
}

SizeSpec ToSizeSpec(const char* name, py::handle value) {
  if (PyUnicode_Check(value.ptr())) {
    return Parsed(name, SizeSpec::Parse(ToText(name, value)));
  }
  return Bytes(ToUnsigned(name, kSize, value));
}

uint64_t ToCount(const char* name, py::handle value) {
  return ToUnsigned(name, "a whole number", value);
}

int ToInt(const char* name, py::handle value) {
  const py::int_ number = ToPythonInt(name, "a whole number", value);
  int overflow = 0;
  const long whole = PyLong_AsLongAndOverflow(number.ptr(), &overflow);
  using Limits = std::numeric_limits<int>;
  if (overflow != 0 || whole < Limits::min() || whole > Limits::max()) {
    throw py::value_error(Complaint(name, "a whole number of 32 bits", number));
  }
  return static_cast<int>(whole);
}

std::string ToText(const char* name, py::handle value) {
  if (!PyUnicode_Check(value.ptr())) {
    throw py::type_error(Complaint(name, "a str", value));
  }
  Py_ssize_t size = 0;
  const char* const text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);
  if (text == nullptr) throw py::error_already_set();
  return std::string(text, size);
}

absl::Time ToDeadline(const char* name, py::handle value) {
  if (value.is_none()) return absl::InfinitePast();
  if (PyBool_Check(value.ptr()) ||
      (!PyFloat_Check(value.ptr()) && !PyIndex_Check(value.ptr()))) {
    throw py::type_error(Complaint(name, "seconds from now, or None", value));
  }
  const double seconds = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred() != nullptr) throw py::error_already_set();
  return Parsed(name, DeadlineAfter(absl::Now(), seconds));
}

}  // namespace governor
