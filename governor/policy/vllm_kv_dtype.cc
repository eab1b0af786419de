#include "governor/policy/vllm_kv_dtype.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

constexpr ComputeCapability kNativeFp8 = {8, 9};

bool IsCuda(const KvLayoutRequest& request) {
  return request.platform == Platform::kCuda;
}

uint32_t Major(const KvLayoutRequest& request) {
  return request.compute_capability.major;
}

absl::Status NotOnThisDevice(absl::string_view what,
                             const KvLayoutRequest& request,
                             absl::string_view remedy) {
  return absl::UnimplementedError(absl::StrCat(
      "vLLM does not run ", what, " on ",
      IsCuda(request) ? absl::StrCat("compute capability ",
                                     ToString(request.compute_capability))
                      : std::string("a CPU"),
      "; ", remedy));
}

// Kernels of Triton take fp8 from compute capability 8.9 on. They serve dense
// latents outside 9.x and 10.x, attention with sinks on 8.x and 12.x, and heads
// of 512.
bool IsServedByTriton(const VllmTraits& traits,
                      const KvLayoutRequest& request) {
  const uint32_t major = Major(request);
  if (traits.latent && !traits.sparse) return major != 9 && major != 10;
  if (traits.sinks) return major != 9 && major != 10;
  return traits.wide_heads && major < 9;
}

absl::Status CheckKernels(const VllmTraits& traits,
                          const KvLayoutRequest& request) {
  if (IsCuda(request)) {
    // 9.x, 10.x and 12.x have sparse MLA kernels; nothing else has.
    if (traits.sparse && Major(request) != 9 && Major(request) != 10 &&
        Major(request) != 12) {
      return NotOnThisDevice("sparse latent attention", request,
                             "it needs 9.x, 10.x or 12.x");
    }
    return absl::OkStatus();
  }
  if (traits.sparse || traits.plain_indexer) {
    return NotOnThisDevice("sparse attention", request, "plan for CUDA");
  }
  if (traits.latent && traits.state) {
    // CPU_MLA forbids the chunked prefill that states need for prefix caching
    // (platforms/cpu.py).
    return NotOnThisDevice("linear states beside latent attention", request,
                           "plan for CUDA");
  }
  return absl::OkStatus();
}

bool IsGgml(KvDtype dtype) {
  switch (dtype) {
    case KvDtype::kQ8_0:
    case KvDtype::kQ5_1:
    case KvDtype::kQ5_0:
    case KvDtype::kQ4_1:
    case KvDtype::kQ4_0:
    case KvDtype::kIq4Nl:
      return true;
    default:
      return false;
  }
}

absl::Status CheckDtype(const VllmTraits& traits,
                        const KvLayoutRequest& request, KvDtype dtype) {
  const absl::string_view name = LayoutOf(dtype).name;
  switch (dtype) {
    case KvDtype::kBf16:
    case KvDtype::kFp16:
      if (!traits.compressed) return absl::OkStatus();
      return absl::UnimplementedError(
          absl::StrCat("vLLM stores compressed latents as fp8_ds_mla, not ",
                       name, "; use fp8"));
    case KvDtype::kFp8:
      if (IsCuda(request) && request.compute_capability < kNativeFp8 &&
          IsServedByTriton(traits, request)) {
        return NotOnThisDevice("an fp8 KV cache of this model", request,
                               "use bf16, or 8.9 or later");
      }
      return absl::OkStatus();
    case KvDtype::kFp8DsMla:
      if ((traits.sparse && Major(request) != 10) || traits.compressed) {
        return absl::OkStatus();
      }
      return absl::UnimplementedError(
          "vLLM stores only the latents of a sparse model as fp8_ds_mla, and "
          "those of DeepSeek V3.2 not on 10.x; use fp8");
    case KvDtype::kFp8PerTokenHead:
    case KvDtype::kInt8PerTokenHead:
    case KvDtype::kInt4PerTokenHead:
    case KvDtype::kNvfp4:
      if (!IsCuda(request)) {
        return NotOnThisDevice(absl::StrCat("a ", name, " KV cache"), request,
                               "use bf16 or fp8");
      }
      if (traits.latent || traits.compressed) {
        return absl::UnimplementedError(absl::StrCat(
            "vLLM does not store latents as ", name, "; use bf16 or fp8"));
      }
      return absl::OkStatus();
    default:
      return absl::UnimplementedError(absl::StrCat(
          "vLLM has no KV cache of ", name,
          IsGgml(dtype) ? ", which is llama.cpp's" : "", "; use bf16 or fp8"));
  }
}

}  // namespace

absl::StatusOr<KvDtype> VllmKvDtype(const VllmTraits& traits,
                                    const KvLayoutRequest& request,
                                    std::vector<std::string>& notes) {
  if (absl::Status status = CheckKernels(traits, request); !status.ok()) {
    return status;
  }
  KvDtype dtype = request.kv_dtype.value_or(traits.compute);
  // models/deepseek_v4/attention.py: whatever was asked for, but bf16.
  const bool compressed =
      traits.compressed && (!request.kv_dtype || dtype == KvDtype::kFp8);
  // FlashMLA's sparse kernel on 9.x has fp8 only so; that of 12.x has no other
  // dtype at all (layers/attention/mla_attention.py).
  const bool packed =
      traits.sparse &&
      ((Major(request) == 9 && dtype == KvDtype::kFp8) ||
       (Major(request) == 12 && (!request.kv_dtype || dtype == KvDtype::kFp8)));
  if (compressed || packed) {
    dtype = KvDtype::kFp8DsMla;
    notes.push_back("vLLM stores these latents as fp8_ds_mla");
  } else if (traits.glm && Major(request) == 10 && !request.kv_dtype) {
    // model_executor/models/config.py, GlmMoeDsaForCausalLM.
    dtype = KvDtype::kFp8;
    notes.push_back("vLLM stores the KV cache of GLM on 10.x as fp8");
  }
  if (absl::Status status = CheckDtype(traits, request, dtype); !status.ok()) {
    return status;
  }
  return dtype;
}

}  // namespace governor
