#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/engine_flag_parts.h"
#include "governor/policy/sglang_layout.h"
#include "governor/policy/shell_words.h"

namespace governor {

absl::StatusOr<EngineCommand> SglangFlags(const EngineFlagsInput& input) {
  const KvLayoutRequest& request = input.request;
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t tokens, PoolTokens(input));
  std::optional<KvDtype> asked = request.kv_dtype;
  // The layout let these pass because they are the model's own.
  if (asked == KvDtype::kFp16 || asked == KvDtype::kFp32) asked = std::nullopt;
  GOVERNOR_ASSIGN_OR_RETURN(const std::string dtype,
                            EngineDtypeName(Engine::kSglang, asked));
  EngineCommand command;
  Add(command, "python3", "-m", "sglang.launch_server", "--model-path",
      PathWord(input.model));
  Add(command, "--max-total-tokens", tokens);
  Add(command, "--context-length", request.max_model_len);
  if (SaysSequences(input)) {
    Add(command, "--max-running-requests", request.max_seqs);
  }
  Add(command, "--page-size", input.layout.block_tokens);
  Add(command, "--kv-cache-dtype", dtype);
  Add(command, "--tp-size", request.tensor_parallel);
  if (request.pipeline_parallel > 1) {
    Add(command, "--pp-size", request.pipeline_parallel);
  }
  Add(command, "--mem-fraction-static", kShareNotTheLimit);
  if (!request.prefix_caching) Add(command, "--disable-radix-cache");
  for (const KvGroup& group : input.layout.groups) {
    if (group.kind == kSglangWholeWindows) {
      Add(command, "--disable-hybrid-swa-memory");
    } else if (group.kind == kSglangSharedWindows) {
      Add(command, "--swa-full-tokens-ratio",
          absl::StrFormat(
              "%.1f", 1.0 * kSglangWindowNumerator / kSglangWindowDenominator));
    }
  }
  const bool has_states =
      std::any_of(input.layout.sequence_by_stage.begin(),
                  input.layout.sequence_by_stage.end(),
                  [](Bytes size) { return !size.is_zero(); });
  if (has_states) {
    const std::optional<uint64_t> slots =
        (CheckedCount(request.max_seqs) *
         (request.prefix_caching ? kSglangStateSlots : 1))
            .value();
    if (!slots) {
      return absl::InvalidArgumentError(
          absl::StrCat(request.max_seqs, " sequences pass 2^64 - 1 states"));
    }
    Add(command, "--max-mamba-cache-size", *slots);
  }
  if (request.state_dtype != StateDtype::kUnsaid) {
    Add(command, "--mamba-ssm-dtype", StateDtypeName(request.state_dtype));
  }
  if (!input.adapters.empty()) {
    Add(command, "--enable-lora", "--lora-paths");
    for (size_t i = 0; i < input.adapters.size(); ++i) {
      Add(command,
          absl::StrCat("lora", i, "=", AdapterFolder(input.adapters[i])));
    }
    command.notes.push_back("Requests name the adapters as --lora-paths does.");
    NoteAdapterFiles(input, command);
  }
  if (input.draft) {
    command.notes.push_back(absl::StrCat(
        "Add --speculative-draft-model-path ",
        QuotedForShell(PathWord(*input.draft)),
        ", with --speculative-algorithm and the numbers of steps and tokens "
        "that it takes; the plan counts the draft model."));
  }
  command.notes.push_back(
      "--max-total-tokens sizes the pool; --mem-fraction-static only has to be "
      "large enough not to make it smaller.");
  return command;
}

}  // namespace governor
