#ifndef GOVERNOR_POLICY_KV_DTYPE_H_
#define GOVERNOR_POLICY_KV_DTYPE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace governor {

// How an engine stores the elements of a KV cache.
enum class KvDtype { kBf16, kFp16, kFp8, kInt8, kQ8_0, kQ4_0 };

// Exact size as a ratio: `block_bytes` for every `block_elements` of one head.
// bf16 to int8 are vLLM's cache dtypes with scales per tensor, which are a few
// floats a layer and not counted; q8_0 and q4_0 are ggml's blocks, scales
// included.
struct KvDtypeLayout {
  KvDtype dtype;
  absl::string_view name;  // as options spell it, e.g. `q8_0`
  uint64_t block_elements;
  uint64_t block_bytes;
};

// Every dtype, in the order in which messages list them.
absl::Span<const KvDtypeLayout> KvDtypes();

const KvDtypeLayout& LayoutOf(KvDtype dtype);

// INVALID_ARGUMENT: not a name of KvDtypes(); the message lists them.
absl::StatusOr<KvDtype> ParseKvDtype(absl::string_view name);

}  // namespace governor

#endif  // GOVERNOR_POLICY_KV_DTYPE_H_
