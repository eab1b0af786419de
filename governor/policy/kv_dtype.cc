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
    {KvDtype::kFp32, "fp32", 1, 4},
    {KvDtype::kBf16, "bf16", 1, 2},
    {KvDtype::kFp16, "fp16", 1, 2},
    {KvDtype::kFp8, "fp8", 1, 1},
    {KvDtype::kInt8, "int8", 1, 1},
    {KvDtype::kFp8PerTokenHead, "fp8_per_token_head", 1, 1, 4},
    {KvDtype::kInt8PerTokenHead, "int8_per_token_head", 1, 1, 4},
    {KvDtype::kInt4PerTokenHead, "int4_per_token_head", 2, 1, 4},
    {KvDtype::kNvfp4, "nvfp4", 16, 9},
    {KvDtype::kFp8DsMla, "fp8_ds_mla", 1, 1},
    {KvDtype::kQ8_0, "q8_0", 32, 34},
    {KvDtype::kQ5_1, "q5_1", 32, 24},
    {KvDtype::kQ5_0, "q5_0", 32, 22},
    {KvDtype::kQ4_1, "q4_1", 32, 20},
    {KvDtype::kQ4_0, "q4_0", 32, 18},
    {KvDtype::kIq4Nl, "iq4_nl", 32, 18},
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
