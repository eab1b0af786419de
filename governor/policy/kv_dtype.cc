#include "governor/policy/kv_dtype.h"

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace governor {
namespace {

// In the order of the enum.
constexpr KvDtypeLayout kLayouts[] = {
    {KvDtype::kBf16, "bf16", 1, 2},   {KvDtype::kFp16, "fp16", 1, 2},
    {KvDtype::kFp8, "fp8", 1, 1},     {KvDtype::kInt8, "int8", 1, 1},
    {KvDtype::kQ8_0, "q8_0", 32, 34}, {KvDtype::kQ4_0, "q4_0", 32, 18},
};

constexpr size_t kMaxQuoted = 32;

}  // namespace

absl::Span<const KvDtypeLayout> KvDtypes() { return kLayouts; }

const KvDtypeLayout& LayoutOf(KvDtype dtype) {
  return kLayouts[static_cast<size_t>(dtype)];
}

absl::StatusOr<KvDtype> ParseKvDtype(absl::string_view name) {
  for (const KvDtypeLayout& layout : kLayouts) {
    if (layout.name == name) return layout.dtype;
  }
  const auto append_name = [](std::string* out, const KvDtypeLayout& layout) {
    absl::StrAppend(out, layout.name);
  };
  return absl::InvalidArgumentError(absl::StrCat(
      "unknown KV dtype '", absl::CHexEscape(name.substr(0, kMaxQuoted)),
      "'; choose one of ", absl::StrJoin(kLayouts, ", ", append_name)));
}

}  // namespace governor
