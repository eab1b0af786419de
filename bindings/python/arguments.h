#ifndef GOVERNOR_BINDINGS_PYTHON_ARGUMENTS_H_
#define GOVERNOR_BINDINGS_PYTHON_ARGUMENTS_H_

#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/size_spec.h"

namespace governor {

// Python values as arguments. Where a value is no such thing these throw
// Python's TypeError (a bool, a float, ...) or ValueError (a size that does not
// parse, a negative number, one above 64 bits), naming the argument and what
// was given. A whole number is an int, or what numpy and others offer as one.

// "40GiB", or a number of bytes.
Bytes ToBytes(const char* name, pybind11::handle value);

// The same, or "90%".
SizeSpec ToSizeSpec(const char* name, pybind11::handle value);

// A count, an index: 0 or more.
uint64_t ToCount(const char* name, pybind11::handle value);

int ToInt(const char* name, pybind11::handle value);

std::string ToText(const char* name, pybind11::handle value);

// True or False, and nothing that is merely as good.
bool ToFlag(const char* name, pybind11::handle value);

// A finite number above 0: an int, a float, or what numpy offers as one.
double ToPositive(const char* name, pybind11::handle value);

// A path of a file, as `open` takes it: str, bytes or PathLike.
std::string ToPath(pybind11::handle path);

// Seconds from now; None does not wait.
absl::Time ToDeadline(const char* name, pybind11::handle value);

// `parsed`, with the argument's name in what it complains of.
template <typename T>
absl::StatusOr<T> InArgument(const char* name, absl::StatusOr<T> parsed) {
  if (parsed.ok()) return parsed;
  return absl::Status(
      parsed.status().code(),
      absl::StrCat("in ", name, ": ", parsed.status().message()));
}

// What `convert` makes of `value`, or nothing where that is None.
template <typename Convert>
auto Optional(Convert convert, const char* name, pybind11::handle value)
    -> std::optional<decltype(convert(name, value))> {
  if (value.is_none()) return std::nullopt;
  return convert(name, value);
}

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_ARGUMENTS_H_
