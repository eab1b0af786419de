#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/policy/engine_flag_parts.h"
#include "governor/policy/shell_words.h"
#include "governor/policy/vllm_in_flight.h"

namespace governor {
namespace {

// What the layout took.
uint64_t BatchedTokens(const KvLayoutRequest& request) {
  if (!request.in_flight_tokens) return VllmBatchedTokens(request);
  return std::max<uint64_t>(
      1, *request.in_flight_tokens / VllmStepsInFlight(request));
}

// NAME=PATH is read as JSON where it has a comma, and split at each `=`.
std::string AdapterWord(absl::string_view name, absl::string_view path) {
  if (path.find_first_of(",=") == absl::string_view::npos) {
    return absl::StrCat(name, "=", path);
  }
  return absl::StrCat("{\"name\": ", QuotedForJson(name),
                      ", \"path\": ", QuotedForJson(path), "}");
}

void AddAdapters(const EngineFlagsInput& input, EngineCommand& command) {
  if (input.adapters.empty()) return;
  Add(command, "--enable-lora");
  // One is loaded at a time by default; the plan has all of them loaded.
  if (input.adapters.size() > 1) {
    Add(command, "--max-loras", input.adapters.size());
  }
  Add(command, "--lora-modules");
  for (size_t i = 0; i < input.adapters.size(); ++i) {
    Add(command,
        AdapterWord(absl::StrCat("lora", i), AdapterFolder(input.adapters[i])));
  }
  command.notes.push_back(
      "Requests name the adapters as --lora-modules does; adapters of a rank "
      "above 16 need --max-lora-rank.");
  NoteAdapterFiles(input, command);
}

void NoteOwnDraft(const EngineFlagsInput& input, EngineCommand& command) {
  if (!input.draft) return;
  command.notes.push_back(absl::StrCat(
      "Add --speculative-config ",
      QuotedForShell(absl::StrCat("{\"model\": ", QuotedForJson(*input.draft),
                                  ", \"num_speculative_tokens\": N}")),
      " with the number N of tokens to draft in each step; the plan counts the "
      "draft model."));
}

}  // namespace

absl::StatusOr<EngineCommand> VllmFlags(const EngineFlagsInput& input) {
  const KvLayoutRequest& request = input.request;
  const bool on_cpu = request.platform == Platform::kCpu;
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t pool, PoolBytes(input));
  GOVERNOR_ASSIGN_OR_RETURN(const std::string dtype,
                            EngineDtypeName(Engine::kVllm, request.kv_dtype));
  EngineCommand command;
  Add(command, "vllm", "serve", PathWord(input.model));
  Add(command, "--kv-cache-memory-bytes", pool);
  Add(command, "--max-model-len", request.max_model_len);
  if (SaysSequences(input)) Add(command, "--max-num-seqs", request.max_seqs);
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
  // Always: vLLM's default depends on the machine, and windows on it.
  Add(command, "--max-num-batched-tokens", BatchedTokens(request));
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
  AddAdapters(input, command);
  NoteOwnDraft(input, command);
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
      "only what must be free at the start.");
  return command;
}

}  // namespace governor
