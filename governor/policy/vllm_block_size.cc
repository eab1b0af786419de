#include "governor/policy/vllm_block_size.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace governor {
namespace {

// CacheConfig.DEFAULT_BLOCK_SIZE, and the smallest block of most kernels.
constexpr uint64_t kCudaBlock = 16;
constexpr uint64_t kCpuBlock = 128;
// CPU_ATTN takes multiples of it; CPU_MLA, without AMX, only 16.
constexpr uint64_t kCpuKernelBlock = 32;
constexpr uint64_t kCpuLatentBlock = 16;
// FlashMLA, the sparse MLA kernels, and tiles of FlashAttention 4.
constexpr uint64_t kFlashMlaBlock = 64;
// FlashInfer's MLA kernel on data-centre Blackwell.
constexpr uint64_t kBlackwellLatentBlock = 32;
// MiniMax M3: one block of its sparse attention.
constexpr uint64_t kPlainIndexerBlock = 128;
constexpr uint64_t kCompressedBlock = 256;
// FlashInfer's MLA decode wants 128 tokens together, so all hybrids with
// latents are aligned to it (interface.py, _align_hybrid_block_size).
constexpr uint64_t kLatentHybridAlignment = 128;
bool IsCuda(const KvLayoutRequest& request) {
  return request.platform == Platform::kCuda;
}

uint32_t Major(const KvLayoutRequest& request) {
  return request.compute_capability.major;
}

uint64_t CudaBlock(const VllmTraits& traits, const KvLayoutRequest& request,
                   KvDtype dtype) {
  const uint32_t major = Major(request);
  const bool quantized = dtype != traits.compute && dtype != KvDtype::kBf16 &&
                         dtype != KvDtype::kFp16;
  if (traits.compressed) return kCompressedBlock;
  if (traits.plain_indexer) return kPlainIndexerBlock;
  if (traits.sparse) return kFlashMlaBlock;
  if (traits.latent) {
    // cuda.py, _get_backend_priorities: FLASH_ATTN_MLA, or with fp8 FLASHMLA,
    // on 9.x; FLASHINFER_MLA on 10.x; TRITON_MLA elsewhere.
    if (major == 9 && quantized) return kFlashMlaBlock;
    return major == 10 ? kBlackwellLatentBlock : kCudaBlock;
  }
  if (traits.wide_heads) {
    // TRITON_FLASHINFER on 10.x; TRITON_FLASH_ATTN on 9.x, where fp8 is read
    // in tiles of 64 (flash_attn.py, _get_sm90_fa4_fp8_kv_block_size).
    if (major == 10 || (major == 9 && quantized)) return kFlashMlaBlock;
  }
  return kCudaBlock;
}

// What a block that the user asks for must be a multiple of. vLLM looks for
// other kernels that take it: for dense latents those of Triton.
uint64_t CudaKernelBlock(const VllmTraits& traits,
                         const KvLayoutRequest& request, KvDtype dtype) {
  if (traits.latent && !traits.sparse) return kCudaBlock;
  return CudaBlock(traits, request, dtype);
}

}  // namespace

absl::StatusOr<uint64_t> VllmBlockTokens(const VllmTraits& traits,
                                         const KvLayoutRequest& request,
                                         KvDtype dtype,
                                         std::vector<std::string>& notes) {
  uint64_t chosen = 0;
  uint64_t unit = 0;
  if (IsCuda(request)) {
    chosen = CudaBlock(traits, request, dtype);
    unit = CudaKernelBlock(traits, request, dtype);
  } else if (traits.latent) {
    // platforms/cpu.py overrides even what the user asked for.
    if (request.block_tokens && *request.block_tokens != kCpuLatentBlock) {
      notes.push_back(absl::StrCat("vLLM overrides --block-size ",
                                   *request.block_tokens,
                                   " by 16 for latents"
                                   " on a CPU"));
    }
    notes.push_back(
        "a CPU without AMX is assumed, where latents have blocks "
        "of 16 tokens");
    return kCpuLatentBlock;
  } else {
    chosen = traits.compressed ? kCompressedBlock : kCpuBlock;
    unit = traits.compressed ? kCompressedBlock : kCpuKernelBlock;
  }
  if (!request.block_tokens) {
    if (traits.attention) {
      notes.push_back(
          absl::StrCat("vLLM's default of ", chosen, " tokens a block"));
    }
    return chosen;
  }
  const uint64_t asked = *request.block_tokens;
  const bool only = unit == kCompressedBlock || unit == kPlainIndexerBlock;
  if (asked == 0 || asked % unit != 0 || (only && asked != unit)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "block_tokens ", asked,
        only ? " is not the " : " is not a multiple of ", unit,
        " tokens that vLLM's kernels for this model take; use ", unit));
  }
  return asked;
}

uint64_t VllmHybridAlignment(const VllmTraits& traits, Platform platform,
                             uint64_t block) {
  const uint64_t kernel =
      platform == Platform::kCuda ? kCudaBlock : kCpuKernelBlock;
  const uint64_t alignment = std::max(kernel, block);
  return traits.latent ? std::max(alignment, kLatentHybridAlignment)
                       : alignment;
}

}  // namespace governor
