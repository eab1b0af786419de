#include "governor/policy/vllm_caches.h"

#include <algorithm>
#include <optional>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/kv_page.h"
#include "governor/policy/vllm_state.h"

namespace governor {
namespace {

// DeepSeek V4 (models/deepseek_v4/{attention,compressor}.py,
// layers/sparse_swa): pages are aligned to what FlashMLA moves at once, the
// window has blocks of 64 tokens, and compressors keep float32 in small blocks.
constexpr Bytes kRecordAlignment = Bytes(576);
constexpr uint64_t kWindowBlock = 64;
constexpr uint64_t kCompressedBlock = 256;
constexpr uint64_t kFloatBytes = 4;
constexpr uint64_t kOverlappingRatio = 4;
constexpr uint64_t kWideRatio = 128;

absl::Status TooLarge() {
  return absl::InvalidArgumentError("a page passes 2^64 - 1 bytes");
}

absl::Status CheckReach(const char* name, uint64_t reach) {
  if (reach != 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, " is zero"));
}

struct Builder {
  const VllmCacheOptions& options;

  uint64_t tp() const { return options.request.tensor_parallel; }

  // Adds a cache whose page holds `states` of `size`.
  absl::Status Add(VllmCache cache, Bytes size, uint64_t states,
                   Bytes alignment, VllmSpecCaches& result) const {
    const std::optional<Bytes> unpadded = CheckedMultiply(size, states);
    if (!unpadded) return TooLarge();
    const std::optional<Bytes> page = AlignUp(*unpadded, alignment);
    if (!page) return TooLarge();
    cache.unpadded = *unpadded;
    cache.page = *page;
    result.caches.push_back(cache);
    return absl::OkStatus();
  }

  // A cache of attention in blocks of the common size.
  absl::StatusOr<VllmSpecCaches> Attention(VllmCache cache, Bytes token,
                                           std::optional<uint64_t> held) const {
    VllmSpecCaches result;
    cache.block_tokens = options.block_tokens;
    GOVERNOR_RETURN_IF_ERROR(
        Add(cache, token, options.block_tokens, Bytes(1), result));
    if (!held) {
      result.token = token;
      return result;
    }
    const std::optional<Bytes> sequence = CheckedMultiply(token, *held);
    if (!sequence) return TooLarge();
    result.sequence = *sequence;
    return result;
  }

  absl::StatusOr<VllmSpecCaches> Heads(VllmKind kind,
                                       const AttentionHeads& heads,
                                       uint64_t reach,
                                       std::optional<uint64_t> held,
                                       uint64_t held_blocks = 0) const {
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes token,
                              HeadsPerToken(heads, options.dtype, tp()));
    return Attention({.kind = kind,
                      .reach = reach,
                      .held_blocks = held_blocks,
                      .heads = std::max<uint64_t>(1, heads.kv_heads / tp()),
                      .size_k = heads.head_size_k,
                      .size_v = heads.head_size_v},
                     token, held);
  }

  // What of a window a sequence ever fills.
  uint64_t Filled(uint64_t reach) const {
    return std::min(reach, options.request.max_model_len);
  }

  absl::StatusOr<VllmSpecCaches> operator()(const FullAttention& spec) const {
    return Heads(VllmKind::kFull, spec.heads, 0, std::nullopt);
  }

  absl::StatusOr<VllmSpecCaches> operator()(const SlidingWindow& spec) const {
    GOVERNOR_RETURN_IF_ERROR(CheckReach("window", spec.window));
    // models/commandr.py gives Cohere 2 one token more.
    const CheckedCount window =
        CheckedCount(spec.window) + (options.traits.widened_window ? 1 : 0);
    if (!window.value()) return TooLarge();
    return Heads(VllmKind::kSliding, spec.heads, *window.value(),
                 Filled(spec.window));
  }

  absl::StatusOr<VllmSpecCaches> operator()(
      const ChunkedAttention& spec) const {
    GOVERNOR_RETURN_IF_ERROR(CheckReach("chunk", spec.chunk));
    return Heads(VllmKind::kChunked, spec.heads, spec.chunk,
                 Filled(spec.chunk));
  }

  absl::StatusOr<VllmSpecCaches> operator()(const CrossAttention& spec) const {
    GOVERNOR_RETURN_IF_ERROR(CheckReach("source_tokens", spec.source_tokens));
    // CrossAttentionSpec plans for max_num_encoder_input_tokens, which is
    // max_num_batched_tokens, not for the encoder's length.
    const uint64_t planned =
        std::max(options.batched_tokens, spec.source_tokens);
    const uint64_t blocks =
        *CheckedCount(planned).DividedUpBy(options.block_tokens).value();
    return Heads(VllmKind::kCross, spec.heads, 0, spec.source_tokens, blocks);
  }

  absl::StatusOr<VllmSpecCaches> operator()(const LatentAttention& spec) const {
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes token,
                              LatentPerToken(spec, options.dtype, tp()));
    return Attention({.kind = VllmKind::kLatent,
                      .heads = 1,
                      .size_k = spec.rank,
                      .size_v = spec.rope_size},
                     token, std::nullopt);
  }

  absl::StatusOr<VllmSpecCaches> operator()(const SparseIndexer& spec) const {
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes token, IndexerPerToken(spec));
    return Attention(
        {.kind = VllmKind::kLatent, .heads = 1, .size_k = spec.head_size},
        token, std::nullopt);
  }

  // One state for every `ratio` tokens of a block of 256.
  absl::Status AddCompressed(Bytes state, uint64_t ratio, uint64_t size,
                             VllmSpecCaches& result) const {
    GOVERNOR_RETURN_IF_ERROR(Add({.kind = VllmKind::kLatent,
                                  .block_tokens = kCompressedBlock,
                                  .heads = 1,
                                  .size_k = size,
                                  .tokens_per_state = ratio},
                                 state, kCompressedBlock / ratio,
                                 kRecordAlignment, result));
    result.token += Bytes((state.count() + ratio - 1) / ratio);
    return absl::OkStatus();
  }

  // The running state of a compressor of vectors of `size`: keys and scores in
  // float32, of two overlapping groups where the ratio is 4.
  absl::Status AddCompressor(uint64_t ratio, uint64_t size,
                             VllmSpecCaches& result) const {
    const uint64_t overlap = ratio == kOverlappingRatio ? 2 : 1;
    const std::optional<Bytes> token =
        (CheckedCount(size) * (2 * overlap * kFloatBytes)).bytes();
    if (!token) return TooLarge();
    const uint64_t block = ratio == kOverlappingRatio ? 4 : 8;
    GOVERNOR_RETURN_IF_ERROR(Add({.kind = VllmKind::kSlidingLatent,
                                  .block_tokens = block,
                                  .reach = overlap * ratio,
                                  .heads = 1,
                                  .size_k = size},
                                 *token, block, kRecordAlignment, result));
    return AddSequence(*token, overlap * ratio, result);
  }

  absl::Status AddSequence(Bytes token, uint64_t tokens,
                           VllmSpecCaches& result) const {
    const std::optional<Bytes> held = CheckedMultiply(token, tokens);
    const std::optional<Bytes> sum =
        held ? CheckedAdd(result.sequence, *held) : std::nullopt;
    if (!sum) return TooLarge();
    result.sequence = *sum;
    return absl::OkStatus();
  }

  absl::StatusOr<VllmSpecCaches> operator()(
      const CompressedLatent& spec) const {
    GOVERNOR_RETURN_IF_ERROR(CheckReach("window", spec.window));
    const uint64_t ratio = spec.compress_ratio;
    if (ratio != 0 && ratio != kOverlappingRatio && ratio != kWideRatio) {
      return absl::UnimplementedError(absl::StrCat(
          "vLLM compresses latents 4 or 128 times, not ", ratio, " times"));
    }
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes record, CompressedLatentRecord(spec));
    VllmSpecCaches result;
    GOVERNOR_RETURN_IF_ERROR(Add({.kind = VllmKind::kSlidingLatent,
                                  .block_tokens = kWindowBlock,
                                  .reach = spec.window,
                                  .heads = 1,
                                  .size_k = spec.head_size},
                                 record, kWindowBlock, kRecordAlignment,
                                 result));
    GOVERNOR_RETURN_IF_ERROR(AddSequence(record, Filled(spec.window), result));
    if (ratio == 0) return result;
    if (ratio == kOverlappingRatio && spec.index_head_size != 0) {
      GOVERNOR_ASSIGN_OR_RETURN(
          const Bytes key,
          IndexerPerToken({.head_size = spec.index_head_size}));
      GOVERNOR_RETURN_IF_ERROR(
          AddCompressed(key, ratio, spec.index_head_size, result));
      GOVERNOR_RETURN_IF_ERROR(
          AddCompressor(ratio, spec.index_head_size, result));
    }
    GOVERNOR_RETURN_IF_ERROR(
        AddCompressed(record, ratio, spec.head_size, result));
    GOVERNOR_RETURN_IF_ERROR(AddCompressor(ratio, spec.head_size, result));
    return result;
  }

  // MambaSpec: with prefix caching (`align`) a sequence holds the running
  // state, the one before it and those exported during a prefill; without it,
  // one. Drafted tokens need one more each.
  template <typename State>
  absl::StatusOr<VllmSpecCaches> operator()(const State& spec) const {
    const StateStorage storage = {.element_bytes = VllmStateElementBytes(
                                      spec, options.traits, options.request),
                                  .draft_tokens = options.request.draft_tokens};
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes state,
                              StateSize(spec, storage, tp()));
    // Prefix caching needs an attention to go with it.
    const bool aligned =
        options.request.prefix_caching && options.traits.attention;
    const CheckedCount held =
        CheckedCount(options.request.draft_tokens) + 1 +
        (aligned ? 1 + (VllmExportsState(spec, options.request) ? 1 : 0) : 0);
    if (!held.value()) return TooLarge();
    VllmSpecCaches result;
    result.sequence = state;
    GOVERNOR_RETURN_IF_ERROR(
        Add({.kind = VllmKind::kState,
             .block_tokens =
                 aligned ? options.block_tokens : options.request.max_model_len,
             .held_blocks = *held.value(),
             .heads = KvSpec(spec).index()},
            state, 1, Bytes(1), result));
    return result;
  }
};

}  // namespace

absl::StatusOr<VllmSpecCaches> VllmCachesOf(const KvSpec& spec,
                                            const VllmCacheOptions& options) {
  return std::visit(Builder{options}, spec);
}

}  // namespace governor
