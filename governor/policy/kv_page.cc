#include "governor/policy/kv_page.h"

#include <algorithm>
#include <initializer_list>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"

namespace governor {
namespace {

constexpr uint64_t kScaleBytes = 4;
constexpr uint64_t kScaledElements = 128;
constexpr uint64_t kBf16Bytes = 2;
// Seven scales of a DeepSeek V4 record, and one byte to align it.
constexpr uint64_t kRecordScaleBytes = 8;

struct Field {
  absl::string_view name;
  uint64_t value;
};

absl::Status CheckNotZero(std::initializer_list<Field> fields) {
  for (const Field& field : fields) {
    if (field.value != 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(field.name, " is zero"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Bytes> BytesOf(CheckedCount count, absl::string_view what) {
  if (const std::optional<Bytes> bytes = count.bytes()) return *bytes;
  return absl::InvalidArgumentError(
      absl::StrCat(what, " passes 2^64 - 1 bytes"));
}

absl::Status CheckSplits(absl::string_view name, uint64_t count,
                         uint64_t tensor_parallel) {
  if (count % tensor_parallel == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " ", count, " cannot be split over tensor_parallel ",
                   tensor_parallel, "; choose a divisor of ", count));
}

absl::StatusOr<CheckedCount> SizeOfHead(Field field, KvDtype dtype) {
  const KvDtypeLayout& layout = LayoutOf(dtype);
  GOVERNOR_RETURN_IF_ERROR(CheckNotZero({field}));
  if (field.value % layout.block_elements != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("KV dtype ", layout.name, " stores blocks of ",
                     layout.block_elements, " elements, which do not divide ",
                     field.name, " ", field.value, "; use bf16 or fp8"));
  }
  return CheckedCount(field.value / layout.block_elements) *
             layout.block_bytes +
         layout.head_bytes;
}

// Columns of a causal convolution that are kept: all but the newest.
absl::StatusOr<CheckedCount> ConvColumns(uint64_t conv_kernel,
                                         uint64_t draft_tokens) {
  GOVERNOR_RETURN_IF_ERROR(CheckNotZero({{"conv_kernel", conv_kernel}}));
  return CheckedCount(conv_kernel - 1) + draft_tokens;
}

}  // namespace

absl::StatusOr<Bytes> HeadsPerToken(const AttentionHeads& heads, KvDtype dtype,
                                    uint64_t tensor_parallel) {
  GOVERNOR_RETURN_IF_ERROR(CheckNotZero(
      {{"kv_heads", heads.kv_heads}, {"tensor_parallel", tensor_parallel}}));
  GOVERNOR_RETURN_IF_ERROR(
      CheckSplits("query_heads", heads.query_heads, tensor_parallel));
  if (heads.kv_heads % tensor_parallel != 0 &&
      tensor_parallel % heads.kv_heads != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor_parallel ", tensor_parallel, " neither divides kv_heads ",
        heads.kv_heads, " nor is a multiple of it; choose one that does"));
  }
  if (dtype == KvDtype::kFp8DsMla) {
    return absl::InvalidArgumentError(
        "KV dtype fp8_ds_mla stores latents, not K and V heads; use fp8");
  }
  const uint64_t kv_heads =
      std::max<uint64_t>(1, heads.kv_heads / tensor_parallel);
  GOVERNOR_ASSIGN_OR_RETURN(
      const CheckedCount k,
      SizeOfHead({"head_size_k", heads.head_size_k}, dtype));
  GOVERNOR_ASSIGN_OR_RETURN(
      const CheckedCount v,
      SizeOfHead({"head_size_v", heads.head_size_v}, dtype));
  const absl::StatusOr<Bytes> size = BytesOf((k + v) * kv_heads, "");
  if (size.ok()) return size;
  return absl::InvalidArgumentError(absl::StrCat(
      kv_heads, " KV heads of head_size_k ", heads.head_size_k,
      " and head_size_v ", heads.head_size_v, " pass 2^64 - 1 bytes a token"));
}

absl::StatusOr<Bytes> LatentPerToken(const LatentAttention& latent,
                                     KvDtype dtype, uint64_t tensor_parallel) {
  GOVERNOR_RETURN_IF_ERROR(CheckNotZero(
      {{"rank", latent.rank}, {"tensor_parallel", tensor_parallel}}));
  GOVERNOR_RETURN_IF_ERROR(
      CheckSplits("query_heads", latent.query_heads, tensor_parallel));
  const CheckedCount rank = latent.rank;
  const CheckedCount rope = latent.rope_size;
  if (dtype == KvDtype::kFp8DsMla) {
    return BytesOf(rank + rank.DividedUpBy(kScaledElements) * kScaleBytes +
                       rope * kBf16Bytes,
                   "a latent");
  }
  const std::optional<uint64_t> elements = (rank + rope).value();
  if (!elements) {
    return absl::InvalidArgumentError("a latent passes 2^64 - 1 bytes");
  }
  GOVERNOR_ASSIGN_OR_RETURN(
      const CheckedCount size,
      SizeOfHead({"the latent's size", *elements}, dtype));
  return BytesOf(size, "a latent");
}

absl::StatusOr<Bytes> IndexerPerToken(const SparseIndexer& indexer) {
  GOVERNOR_RETURN_IF_ERROR(
      CheckNotZero({{"the indexer's head_size", indexer.head_size}}));
  const CheckedCount size = indexer.head_size;
  switch (indexer.storage) {
    case SparseIndexer::Storage::kFp8WithScales:
      return BytesOf(size + size.DividedBy(kScaledElements) * kScaleBytes,
                     "an indexer key");
    case SparseIndexer::Storage::kComputeDtype:
      return BytesOf(size * kBf16Bytes, "an indexer key");
  }
  return absl::InvalidArgumentError("the indexer's storage is unknown");
}

absl::StatusOr<Bytes> CompressedLatentRecord(const CompressedLatent& latent) {
  GOVERNOR_RETURN_IF_ERROR(CheckNotZero(
      {{"head_size", latent.head_size}, {"rope_size", latent.rope_size}}));
  if (latent.rope_size > latent.head_size) {
    return absl::InvalidArgumentError(
        absl::StrCat("rope_size ", latent.rope_size, " is above head_size ",
                     latent.head_size, ", which it is a part of"));
  }
  return BytesOf(CheckedCount(latent.head_size - latent.rope_size) +
                     CheckedCount(latent.rope_size) * kBf16Bytes +
                     kRecordScaleBytes,
                 "a latent");
}

absl::StatusOr<Bytes> StateSize(const Mamba1State& state, StateStorage storage,
                                uint64_t tensor_parallel) {
  GOVERNOR_RETURN_IF_ERROR(CheckNotZero(
      {{"inner_size", state.inner_size}, {"state_size", state.state_size}}));
  GOVERNOR_RETURN_IF_ERROR(
      CheckSplits("inner_size", state.inner_size, tensor_parallel));
  GOVERNOR_ASSIGN_OR_RETURN(const CheckedCount columns,
                            ConvColumns(state.conv_kernel, 0));
  const CheckedCount inner = state.inner_size / tensor_parallel;
  return BytesOf(columns * inner * storage.conv_element_bytes +
                     inner * state.state_size * storage.element_bytes,
                 "a Mamba state");
}

absl::StatusOr<Bytes> StateSize(const Mamba2State& state, StateStorage storage,
                                uint64_t tensor_parallel) {
  GOVERNOR_RETURN_IF_ERROR(CheckNotZero({{"heads", state.heads},
                                         {"head_size", state.head_size},
                                         {"state_size", state.state_size},
                                         {"groups", state.groups}}));
  GOVERNOR_RETURN_IF_ERROR(
      CheckSplits("the state's heads", state.heads, tensor_parallel));
  GOVERNOR_ASSIGN_OR_RETURN(
      const CheckedCount columns,
      ConvColumns(state.conv_kernel, storage.draft_tokens));
  // Groups that do not split are held on every rank that needs them
  // (mamba_utils.py, extra_groups_for_head_shards).
  const uint64_t groups =
      state.groups % tensor_parallel == 0 ? state.groups / tensor_parallel : 1;
  const CheckedCount heads = state.heads / tensor_parallel;
  const CheckedCount inner = heads * state.head_size;
  return BytesOf(columns *
                         (inner + CheckedCount(2) * groups * state.state_size) *
                         storage.conv_element_bytes +
                     inner * state.state_size * storage.element_bytes,
                 "a Mamba 2 state");
}

absl::StatusOr<Bytes> StateSize(const DeltaNetState& state,
                                StateStorage storage,
                                uint64_t tensor_parallel) {
  GOVERNOR_RETURN_IF_ERROR(
      CheckNotZero({{"key_heads", state.key_heads},
                    {"value_heads", state.value_heads},
                    {"key_head_size", state.key_head_size},
                    {"value_head_size", state.value_head_size}}));
  GOVERNOR_RETURN_IF_ERROR(
      CheckSplits("key_heads", state.key_heads, tensor_parallel));
  GOVERNOR_RETURN_IF_ERROR(
      CheckSplits("value_heads", state.value_heads, tensor_parallel));
  GOVERNOR_ASSIGN_OR_RETURN(
      const CheckedCount columns,
      ConvColumns(state.conv_kernel, storage.draft_tokens));
  const CheckedCount keys =
      CheckedCount(state.key_heads / tensor_parallel) * state.key_head_size;
  const CheckedCount values =
      CheckedCount(state.value_heads / tensor_parallel) * state.value_head_size;
  return BytesOf(
      columns * (CheckedCount(2) * keys + values) * storage.conv_element_bytes +
          values * state.key_head_size * storage.element_bytes,
      "a delta net state");
}

absl::StatusOr<Bytes> StateSize(const KimiDeltaState& state,
                                StateStorage storage,
                                uint64_t tensor_parallel) {
  return StateSize(DeltaNetState{.key_heads = state.heads,
                                 .value_heads = state.heads,
                                 .key_head_size = state.head_size,
                                 .value_head_size = state.head_size,
                                 .conv_kernel = state.conv_kernel},
                   storage, tensor_parallel);
}

}  // namespace governor
