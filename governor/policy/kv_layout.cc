#include "governor/policy/kv_layout.h"

#include "governor/policy/llama_cpp_layout.h"
#include "governor/policy/sglang_layout.h"
#include "governor/policy/tensorrt_llm_layout.h"
#include "governor/policy/vllm_layout.h"

namespace governor {

absl::StatusOr<KvLayout> LayOutKv(const ModelShape& model,
                                  const KvLayoutRequest& request) {
  switch (request.engine) {
    case Engine::kSglang:
      return SglangLayout(model, request);
    case Engine::kLlamaCpp:
    case Engine::kOllama:
      return LlamaCppLayout(model, request);
    case Engine::kTensorRtLlm:
      return TensorRtLlmLayout(model, request);
    case Engine::kVllm:
    case Engine::kMax:
      break;
  }
  return VllmLayout(model, request);
}

}  // namespace governor
