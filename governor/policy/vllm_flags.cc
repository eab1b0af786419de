#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/policy/engine_flag_parts.h"

namespace governor {

absl::StatusOr<EngineCommand> VllmFlags(const EngineFlagsInput& input) {
  const KvLayoutRequest& request = input.request;
  const bool on_cpu = request.platform == Platform::kCpu;
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t pool, PoolBytes(input));
  GOVERNOR_ASSIGN_OR_RETURN(const std::string dtype,
                            EngineDtypeName(Engine::kVllm, request.kv_dtype));
  EngineCommand command;
  Add(command, "vllm", "serve", ModelWord(input));
  Add(command, "--kv-cache-memory-bytes", pool);
  Add(command, "--max-model-len", request.max_model_len);
  Add(command, "--max-num-seqs", request.max_seqs);
  if (request.kv_dtype) Add(command, "--kv-cache-dtype", dtype);
  if (request.block_tokens) {
    Add(command, "--block-size", *request.block_tokens);
  }
  if (request.tensor_parallel > 1) {
    Add(command, "--tensor-parallel-size", request.tensor_parallel);
  }
  if (request.pipeline_parallel > 1) {
    Add(command, "--pipeline-parallel-size", request.pipeline_parallel);
  }
  if (request.in_flight_tokens) {
    // Two steps are in flight where scheduling is asynchronous.
    const uint64_t steps = on_cpu ? 1 : 2;
    Add(command, "--max-num-batched-tokens",
        std::max<uint64_t>(1, *request.in_flight_tokens / steps));
  }
  if (!request.prefix_caching) Add(command, "--no-enable-prefix-caching");
  if (!request.hybrid_manager) {
    Add(command, "--disable-hybrid-kv-cache-manager");
  }
  if (request.state_dtype != StateDtype::kUnsaid) {
    Add(command, "--mamba-ssm-cache-dtype",
        StateDtypeName(request.state_dtype));
  }
  if (request.draft_tokens > 0) {
    Add(command, "--speculative-config",
        absl::StrCat("{\"method\": \"mtp\", \"num_speculative_tokens\": ",
                     request.draft_tokens, "}"));
  }
  if (on_cpu) return command;
  // vLLM refuses to start where less than this share is free, although the
  // cache is sized in bytes. What is held by then is not free any more.
  if (KnowsShare(input)) {
    Add(command, "--gpu-memory-utilization",
        Fraction(SaturatingSubtract(*input.budget, input.allowance),
                 *input.device_total));
  } else {
    NoteNoShare("--gpu-memory-utilization", command);
  }
  command.notes.push_back(
      "--kv-cache-memory-bytes sizes the cache; --gpu-memory-utilization is "
      "only what must be free at the start");
  return command;
}

}  // namespace governor
