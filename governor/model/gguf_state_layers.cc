#include "governor/model/gguf_state_layers.h"

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

constexpr absl::string_view kConvKernel = "ssm.conv_kernel";
constexpr absl::string_view kInnerSize = "ssm.inner_size";
constexpr absl::string_view kStateSize = "ssm.state_size";
constexpr absl::string_view kGroups = "ssm.group_count";
// With Mamba 2 and delta nets the number of (value) heads.
constexpr absl::string_view kHeads = "ssm.time_step_rank";

absl::StatusOr<KvSpec> ReadMamba1(const GgufFields& fields) {
  Mamba1State state;
  GOVERNOR_ASSIGN_OR_RETURN(state.conv_kernel, fields.Positive(kConvKernel));
  GOVERNOR_ASSIGN_OR_RETURN(state.inner_size, fields.Positive(kInnerSize));
  GOVERNOR_ASSIGN_OR_RETURN(state.state_size, fields.Positive(kStateSize));
  return state;
}

// inner_size / time_step_rank.
absl::StatusOr<uint64_t> HeadSize(const GgufFields& fields, uint64_t heads) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t inner, fields.Positive(kInnerSize));
  if (inner % heads == 0) return inner / heads;
  return absl::InvalidArgumentError(
      absl::StrCat(fields.Key(kInnerSize), " ", inner,
                   " must be a multiple of ", fields.Key(kHeads), " ", heads));
}

absl::StatusOr<KvSpec> ReadMamba2(const GgufFields& fields) {
  Mamba2State state;
  GOVERNOR_ASSIGN_OR_RETURN(state.heads, fields.Positive(kHeads));
  GOVERNOR_ASSIGN_OR_RETURN(state.head_size, HeadSize(fields, state.heads));
  GOVERNOR_ASSIGN_OR_RETURN(state.state_size, fields.Positive(kStateSize));
  GOVERNOR_ASSIGN_OR_RETURN(state.groups, fields.Positive(kGroups));
  GOVERNOR_ASSIGN_OR_RETURN(state.conv_kernel, fields.Positive(kConvKernel));
  return state;
}

absl::StatusOr<KvSpec> ReadDeltaNet(const GgufFields& fields) {
  DeltaNetState state;
  GOVERNOR_ASSIGN_OR_RETURN(state.key_heads, fields.Positive(kGroups));
  GOVERNOR_ASSIGN_OR_RETURN(state.value_heads, fields.Positive(kHeads));
  GOVERNOR_ASSIGN_OR_RETURN(state.key_head_size, fields.Positive(kStateSize));
  GOVERNOR_ASSIGN_OR_RETURN(state.value_head_size,
                            HeadSize(fields, state.value_heads));
  GOVERNOR_ASSIGN_OR_RETURN(state.conv_kernel, fields.Positive(kConvKernel));
  return state;
}

absl::StatusOr<KvSpec> ReadKimiDelta(const GgufFields& fields) {
  KimiDeltaState state;
  GOVERNOR_ASSIGN_OR_RETURN(state.heads,
                            fields.Positive("attention.head_count"));
  GOVERNOR_ASSIGN_OR_RETURN(state.head_size, fields.Positive("kda.head_dim"));
  GOVERNOR_ASSIGN_OR_RETURN(state.conv_kernel, fields.Positive(kConvKernel));
  return state;
}

// True where `field` is zero.
absl::StatusOr<std::vector<bool>> WhereZero(const GgufFields& fields,
                                            absl::string_view field,
                                            GgufBlocks blocks) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<uint64_t> numbers,
                            fields.NumbersPerLayer(field, blocks.all));
  if (numbers.empty()) return fields.Positive(field).status();
  std::vector<bool> zero(blocks.all);
  for (uint64_t i = 0; i < blocks.trunk; ++i) zero[i] = numbers[i] == 0;
  return zero;
}

// As listed, else all but every n-th.
absl::StatusOr<std::vector<bool>> DeltaNetLayers(const GgufFields& fields,
                                                 GgufBlocks blocks) {
  GOVERNOR_ASSIGN_OR_RETURN(std::vector<bool> layers,
                            fields.FlagsPerLayer("attention.recurrent_layers",
                                                 blocks.all, blocks.trunk));
  if (!layers.empty()) {
    for (uint64_t i = blocks.trunk; i < blocks.all; ++i) layers[i] = false;
    return layers;
  }
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> declared,
                            fields.PositiveIfThere("full_attention_interval"));
  const uint64_t interval = declared.value_or(4);
  layers.resize(blocks.all);
  for (uint64_t i = 0; i < blocks.trunk; ++i) {
    layers[i] = i % interval != interval - 1;
  }
  return layers;
}

}  // namespace

absl::StatusOr<KvSpec> ReadGgufState(const GgufFields& fields,
                                     GgufMemory memory) {
  switch (memory) {
    case GgufMemory::kMamba1:
    case GgufMemory::kHeadsOrMamba1:
      return ReadMamba1(fields);
    case GgufMemory::kMamba2:
    case GgufMemory::kHeadsAndMamba2:
    case GgufMemory::kHeadsOrMamba2:
    case GgufMemory::kHeadsOrMamba2OrNothing:
      return ReadMamba2(fields);
    case GgufMemory::kHeadsOrDeltaNet:
      return ReadDeltaNet(fields);
    case GgufMemory::kLatentOrKimiDelta:
      return ReadKimiDelta(fields);
    case GgufMemory::kHeads:
    case GgufMemory::kHeadsOrNothing:
    case GgufMemory::kLatent:
    case GgufMemory::kSparseLatent:
    case GgufMemory::kCompressedLatent:
      break;
  }
  return absl::InvalidArgumentError("such an architecture keeps no state");
}

absl::StatusOr<std::vector<bool>> GgufStateLayers(const GgufFields& fields,
                                                  GgufMemory memory,
                                                  GgufBlocks blocks) {
  switch (memory) {
    case GgufMemory::kHeads:
    case GgufMemory::kHeadsOrNothing:
    case GgufMemory::kLatent:
    case GgufMemory::kSparseLatent:
    case GgufMemory::kCompressedLatent:
      return std::vector<bool>();
    case GgufMemory::kMamba1:
    case GgufMemory::kMamba2:
    case GgufMemory::kHeadsAndMamba2: {
      std::vector<bool> all(blocks.all);
      for (uint64_t i = 0; i < blocks.trunk; ++i) all[i] = true;
      return all;
    }
    case GgufMemory::kHeadsOrMamba1:
    case GgufMemory::kHeadsOrMamba2:
    case GgufMemory::kLatentOrKimiDelta:
      return WhereZero(fields, "attention.head_count_kv", blocks);
    case GgufMemory::kHeadsOrMamba2OrNothing: {
      GOVERNOR_ASSIGN_OR_RETURN(
          std::vector<bool> layers,
          WhereZero(fields, "attention.head_count_kv", blocks));
      GOVERNOR_ASSIGN_OR_RETURN(
          const std::vector<bool> mixers,
          WhereZero(fields, "feed_forward_length", blocks));
      for (uint64_t i = 0; i < layers.size(); ++i) {
        layers[i] = layers[i] && mixers[i];
      }
      return layers;
    }
    case GgufMemory::kHeadsOrDeltaNet:
      return DeltaNetLayers(fields, blocks);
  }
  return absl::InternalError("a memory that is not handled");
}

}  // namespace governor
