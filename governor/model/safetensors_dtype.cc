#include "governor/model/safetensors_dtype.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

constexpr SafetensorsDtype kDtypes[] = {
    {"BF16", 16, true},   {"F16", 16, true},        {"F32", 32, true},
    {"F64", 64, true},    {"F8_E4M3", 8, true},     {"F8_E5M2", 8, true},
    {"F8_E8M0", 8, true}, {"F8_E4M3FNUZ", 8, true}, {"F8_E5M2FNUZ", 8, true},
    {"F6_E2M3", 6, true}, {"F6_E3M2", 6, true},     {"F4", 4, true},
    {"BOOL", 8, false},   {"U8", 8, false},         {"I8", 8, false},
    {"U16", 16, false},   {"I16", 16, false},       {"U32", 32, false},
    {"I32", 32, false},   {"U64", 64, false},       {"I64", 64, false},
    {"C64", 64, false},
};

}  // namespace

absl::Span<const SafetensorsDtype> SafetensorsDtypes() { return kDtypes; }

absl::StatusOr<const SafetensorsDtype*> FindSafetensorsDtype(
    absl::string_view name) {
  for (const SafetensorsDtype& dtype : kDtypes) {
    if (dtype.name == name) return &dtype;
  }
  return absl::UnimplementedError(
      absl::StrCat("dtype ", QuotedName(name),
                   " is not one that safetensors is known to have; the file "
                   "is damaged, or newer than this library"));
}

}  // namespace governor
