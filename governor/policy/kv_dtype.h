#ifndef GOVERNOR_POLICY_KV_DTYPE_H_
#define GOVERNOR_POLICY_KV_DTYPE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace governor {

// How an engine stores the elements of a KV cache. Which engine knows which is
// the business of its layout. No `auto`: a request without a dtype is that.
enum class KvDtype {
  kFp32,
  kBf16,
  kFp16,
  kFp8,
  kInt8,
  kFp8PerTokenHead,
  kInt8PerTokenHead,
  kInt4PerTokenHead,
  kNvfp4,
  kFp8DsMla,
  kQ8_0,
  kQ5_1,
  kQ5_0,
  kQ4_1,
  kQ4_0,
  kIq4Nl,
};

// Exact size: `block_bytes` for every `block_elements` of one head, and
// `head_bytes` more for each K and each V head of a token.
// - bf16, fp16, fp8, int8: scales are per tensor, a few floats a layer, and not
//   counted.
// - *_per_token_head: a float of scale for each head and token (vLLM).
// - nvfp4: two elements a byte, and one byte of scale for 16 (vLLM).
// - fp8_ds_mla: a record of DeepSeek's latents, which has its own formula
//   (kv_page.h); here the size of its quantized part alone. Heads cannot be
//   stored so.
// - q8_0 to iq4_nl: ggml's blocks, scales included.
struct KvDtypeLayout {
  KvDtype dtype;
  absl::string_view name;  // as options spell it, e.g. `q8_0`
  uint64_t block_elements;
  uint64_t block_bytes;
  uint64_t head_bytes = 0;
};

// Every dtype, in the order in which messages list them.
absl::Span<const KvDtypeLayout> KvDtypes();

const KvDtypeLayout& LayoutOf(KvDtype dtype);

// INVALID_ARGUMENT: not a name of KvDtypes(); the message lists them.
absl::StatusOr<KvDtype> ParseKvDtype(absl::string_view name);

}  // namespace governor

#endif  // GOVERNOR_POLICY_KV_DTYPE_H_
