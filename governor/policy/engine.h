#ifndef GOVERNOR_POLICY_ENGINE_H_
#define GOVERNOR_POLICY_ENGINE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace governor {

// Inference engines whose layout of the KV cache and whose options we know.
// Ollama lays out as llama.cpp does, which it runs.
enum class Engine { kVllm, kSglang, kLlamaCpp, kTensorRtLlm, kOllama, kMax };

// Where the engine computes: it chooses other kernels, and other block sizes.
enum class Platform { kCuda, kCpu };

struct ComputeCapability {
  uint32_t major = 0;
  uint32_t minor = 0;

  friend auto operator<=>(const ComputeCapability&,
                          const ComputeCapability&) = default;
};

// GB10's, and what a plan is for where nobody says.
inline constexpr ComputeCapability kDgxSpark = {12, 1};

// As options spell it: vllm, sglang, llama.cpp, trtllm, ollama, max.
absl::string_view ToString(Engine engine);

// INVALID_ARGUMENT: another name; the message lists all.
absl::StatusOr<Engine> ParseEngine(absl::string_view name);

// `9.0`, `12.1`. INVALID_ARGUMENT: not two numbers with a point between them;
// none that there is, or may soon be: below 5.0, above 20.9, a minor above 9.
absl::StatusOr<ComputeCapability> ParseComputeCapability(
    absl::string_view text);
std::string ToString(ComputeCapability capability);

}  // namespace governor

#endif  // GOVERNOR_POLICY_ENGINE_H_
