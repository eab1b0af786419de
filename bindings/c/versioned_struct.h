#ifndef GOVERNOR_BINDINGS_C_VERSIONED_STRUCT_H_
#define GOVERNOR_BINDINGS_C_VERSIONED_STRUCT_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace governor {

// Structs of the C interface begin with `size_t struct_size`, what sizeof was
// where the caller was compiled, and grow at the end. So a program and a
// library of different versions agree on the part that both know.

// No version of a struct will be larger, so a larger struct_size was never set.
inline constexpr size_t kMaxStructSize = 4096;

// INVALID_ARGUMENT: null, smaller than `first_size`, the size that the struct
// had in its first version, or larger than any.
template <typename Struct>
absl::Status CheckStruct(const Struct* given, size_t first_size) {
  static_assert(std::is_trivially_copyable_v<Struct>);
  static_assert(offsetof(Struct, struct_size) == 0);
  if (given == nullptr) return absl::InvalidArgumentError("the struct is null");
  if (given->struct_size < first_size || given->struct_size > kMaxStructSize) {
    return absl::InvalidArgumentError(absl::StrCat(
        "struct_size is not the struct's sizeof, which is ", sizeof(Struct),
        " in this version: given ", given->struct_size));
  }
  return absl::OkStatus();
}

// What the caller gave, zero where its version knows less than ours.
// INVALID_ARGUMENT: as CheckStruct, or set beyond what we know.
template <typename Struct>
absl::StatusOr<Struct> ReadStruct(const Struct* given, size_t first_size) {
  const absl::Status status = CheckStruct(given, first_size);
  if (!status.ok()) return status;
  const auto bytes = absl::MakeConstSpan(reinterpret_cast<const char*>(given),
                                         given->struct_size);
  const size_t known = std::min(bytes.size(), sizeof(Struct));
  if (std::any_of(bytes.begin() + known, bytes.end(),
                  [](char byte) { return byte != 0; })) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a field is set that this library does not know: it knows ",
        sizeof(Struct), " bytes of the struct, given ", bytes.size()));
  }
  Struct read = {};
  std::memcpy(&read, bytes.data(), known);
  return read;
}

// Writes to `*given`, checked, what it has room for, and zero beyond what we
// know. Its struct_size stays.
template <typename Struct>
void WriteStruct(Struct value, Struct* given) {
  value.struct_size = given->struct_size;
  char* const bytes = reinterpret_cast<char*>(given);
  const size_t known = std::min(value.struct_size, sizeof(Struct));
  std::memset(bytes + known, 0, value.struct_size - known);
  std::memcpy(bytes, &value, known);
}

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_C_VERSIONED_STRUCT_H_
