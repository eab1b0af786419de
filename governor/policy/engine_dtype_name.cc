#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "governor/policy/engine_flags.h"
#include "governor/policy/llama_cpp_caches.h"

namespace governor {
namespace {

struct DtypeName {
  KvDtype dtype;
  absl::string_view name;
};

// vllm/config/cache.py, CacheDType.
constexpr DtypeName kVllm[] = {
    {KvDtype::kFp16, "float16"},
    {KvDtype::kBf16, "bfloat16"},
    {KvDtype::kFp8, "fp8"},
    {KvDtype::kFp8DsMla, "fp8_ds_mla"},
    {KvDtype::kInt8PerTokenHead, "int8_per_token_head"},
    {KvDtype::kFp8PerTokenHead, "fp8_per_token_head"},
    {KvDtype::kInt4PerTokenHead, "int4_per_token_head"},
    {KvDtype::kNvfp4, "nvfp4"}};
// arg_groups/fields/model.py, kv_cache_dtype.
constexpr DtypeName kSglang[] = {{KvDtype::kBf16, "bf16"},
                                 {KvDtype::kFp8, "fp8_e4m3"},
                                 {KvDtype::kNvfp4, "nvfp4"}};
// KvCacheConfig.dtype: auto as documented, the others from memory.
constexpr DtypeName kTensorRtLlm[] = {{KvDtype::kFp8, "fp8"},
                                      {KvDtype::kNvfp4, "nvfp4"}};
// max/pipelines/kv_cache/config.py, kv_cache_format.
constexpr DtypeName kMax[] = {{KvDtype::kFp32, "float32"},
                              {KvDtype::kBf16, "bfloat16"},
                              {KvDtype::kFp8, "float8_e4m3fn"},
                              {KvDtype::kNvfp4, "float4_e2m1fn"}};

absl::Span<const DtypeName> NamesOf(Engine engine) {
  switch (engine) {
    case Engine::kVllm:
      return kVllm;
    case Engine::kSglang:
      return kSglang;
    case Engine::kTensorRtLlm:
      return kTensorRtLlm;
    case Engine::kMax:
      return kMax;
    case Engine::kLlamaCpp:
    case Engine::kOllama:
      break;
  }
  return {};
}

}  // namespace

absl::StatusOr<std::string> EngineDtypeName(Engine engine,
                                            std::optional<KvDtype> dtype) {
  const bool is_ggml = engine == Engine::kLlamaCpp || engine == Engine::kOllama;
  if (!dtype) return std::string(is_ggml ? "f16" : "auto");
  std::vector<absl::string_view> own;
  if (is_ggml) {
    if (const auto name = LlamaCppTypeName(*dtype)) return std::string(*name);
    for (const KvDtypeLayout& layout : KvDtypes()) {
      if (const auto name = LlamaCppTypeName(layout.dtype)) {
        own.push_back(*name);
      }
    }
  } else {
    own.push_back("auto");
  }
  for (const DtypeName& entry : NamesOf(engine)) {
    if (entry.dtype == *dtype) return std::string(entry.name);
    own.push_back(entry.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat(ToString(engine), " has no KV dtype ", LayoutOf(*dtype).name,
                   "; its own are ", absl::StrJoin(own, ", ")));
}

}  // namespace governor
