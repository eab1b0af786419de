#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/policy/engine_flag_parts.h"

namespace governor {
namespace {

constexpr char kConfigFile[] = "governor-trtllm.yaml";

}  // namespace

absl::StatusOr<EngineCommand> TensorRtLlmFlags(const EngineFlagsInput& input) {
  const KvLayoutRequest& request = input.request;
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t pool, PoolBytes(input));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t tokens, PoolTokens(input));
  std::optional<KvDtype> asked = request.kv_dtype;
  if (asked == KvDtype::kInt8) {
    return absl::UnimplementedError(
        "int8 is of TensorRT-LLM's TensorRT backend, where the engine is built "
        "with it; trtllm-serve has no option for it, only auto, fp8 and nvfp4");
  }
  // The layout let these pass because they are the model's own.
  if (asked == KvDtype::kBf16 || asked == KvDtype::kFp16 ||
      asked == KvDtype::kFp32) {
    asked = std::nullopt;
  }
  GOVERNOR_ASSIGN_OR_RETURN(const std::string dtype,
                            EngineDtypeName(Engine::kTensorRtLlm, asked));
  EngineCommand command;
  Add(command, "trtllm-serve", PathWord(input.model));
  Add(command, "--max_seq_len", request.max_model_len);
  if (SaysSequences(input)) Add(command, "--max_batch_size", request.max_seqs);
  Add(command, "--tp_size", request.tensor_parallel);
  if (request.pipeline_parallel > 1) {
    Add(command, "--pp_size", request.pipeline_parallel);
  }
  Add(command, "--kv_cache_free_gpu_memory_fraction", kShareNotTheLimit);
  Add(command, "--extra_llm_api_options", kConfigFile);
  command.file_name = kConfigFile;
  command.file_text = absl::StrCat(
      "kv_cache_config:\n  max_gpu_total_bytes: ", pool,
      "\n  max_tokens: ", tokens,
      "\n  tokens_per_block: ", input.layout.block_tokens,
      "\n  free_gpu_memory_fraction: ", kShareNotTheLimit, "\n  dtype: ", dtype,
      "\n  enable_block_reuse: ", request.prefix_caching ? "true" : "false",
      "\n");
  NoteDraft(input, command);
  NoteAdapters(input, command);
  command.notes.push_back(
      "max_gpu_total_bytes and max_tokens size the pool; the fraction only has "
      "to be large enough not to make it smaller.");
  return command;
}

}  // namespace governor
