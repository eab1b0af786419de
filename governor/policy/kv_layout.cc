#include "governor/policy/kv_layout.h"

#include <limits>

#include "governor/policy/checked_count.h"
#include "governor/policy/llama_cpp_layout.h"
#include "governor/policy/max_layout.h"
#include "governor/policy/sglang_layout.h"
#include "governor/policy/tensorrt_llm_layout.h"
#include "governor/policy/vllm_in_flight.h"
#include "governor/policy/vllm_layout.h"

namespace governor {

namespace {

absl::StatusOr<KvLayout> LayOut(const ModelShape& model,
                                const KvLayoutRequest& request) {
  switch (request.engine) {
    case Engine::kSglang:
      return SglangLayout(model, request);
    case Engine::kLlamaCpp:
    case Engine::kOllama:
      return LlamaCppLayout(model, request);
    case Engine::kTensorRtLlm:
      return TensorRtLlmLayout(model, request);
    case Engine::kMax:
      return MaxLayout(model, request);
    case Engine::kVllm:
      break;
  }
  return VllmLayout(model, request);
}

}  // namespace

absl::StatusOr<KvLayout> LayOutKv(const ModelShape& model,
                                  const KvLayoutRequest& request) {
  absl::StatusOr<KvLayout> layout = LayOut(model, request);
  if (layout.ok() && !request.prefix_caching) layout->shares_prefix = false;
  return layout;
}

uint64_t InFlightTokens(const KvLayoutRequest& request,
                        uint64_t batched_tokens) {
  if (request.engine != Engine::kVllm && request.engine != Engine::kMax) {
    return batched_tokens;
  }
  return (CheckedCount(batched_tokens) * VllmStepsInFlight(request))
      .value()
      .value_or(std::numeric_limits<uint64_t>::max());
}

}  // namespace governor
