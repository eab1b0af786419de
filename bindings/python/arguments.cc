#include "bindings/python/arguments.h"

#include <cmath>
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
  return ValueOrThrow(InArgument(name, std::move(parsed)));
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

bool ToFlag(const char* name, py::handle value) {
  if (!PyBool_Check(value.ptr())) {
    throw py::type_error(Complaint(name, "True or False", value));
  }
  return value.ptr() == Py_True;
}

double ToPositive(const char* name, py::handle value) {
  // What has __float__ is a number, and a str has none.
  const PyNumberMethods* const methods = Py_TYPE(value.ptr())->tp_as_number;
  if (PyBool_Check(value.ptr()) ||
      (!PyIndex_Check(value.ptr()) &&
       (methods == nullptr || methods->nb_float == nullptr))) {
    throw py::type_error(Complaint(name, "a number above 0", value));
  }
  const double number = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred() != nullptr) {
    // An int that no double holds.
    if (PyErr_ExceptionMatches(PyExc_OverflowError) == 0) {
      throw py::error_already_set();
    }
    PyErr_Clear();
    throw py::value_error(Complaint(name, "a number that is finite", value));
  }
  if (!std::isfinite(number) || number <= 0) {
    throw py::value_error(Complaint(name, "a finite number above 0", value));
  }
  return number;
}

std::string ToPath(py::handle path) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path.ptr(), &encoded) == 0) {
    throw py::error_already_set();
  }
  return std::string(py::reinterpret_steal<py::bytes>(encoded));
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
