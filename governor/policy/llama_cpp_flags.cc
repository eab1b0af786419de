#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/policy/checked_count.h"
#include "governor/policy/engine_flag_parts.h"
#include "governor/policy/llama_cpp_layout.h"

namespace governor {
namespace {

// Cells of all sequences, each padded.
absl::StatusOr<uint64_t> LlamaCppContext(const KvLayoutRequest& request) {
  const std::optional<uint64_t> cells =
      (CheckedCount(request.max_model_len).DividedUpBy(kLlamaCppCells) *
       kLlamaCppCells * request.max_seqs)
          .value();
  if (cells) return *cells;
  return absl::InvalidArgumentError(
      absl::StrCat(request.max_seqs, " sequences of ", request.max_model_len,
                   " tokens pass 2^64 - 1 cells"));
}

// The name of a GGUF file. Ollama names its own by their digests.
bool IsNamedGguf(absl::string_view path) {
  return absl::EndsWith(path, ".gguf") ||
         absl::StartsWith(path.substr(path.rfind('/') + 1), "sha256-");
}

void NoteFilesToConvert(const EngineFlagsInput& input, EngineCommand& command) {
  for (const std::string& path : {input.model, input.draft.value_or("")}) {
    if (path.empty() || IsNamedGguf(path)) continue;
    command.notes.push_back(absl::StrCat(
        "llama.cpp loads GGUF, which ", path,
        " is not by its name: the planned weights are those of the files "
        "given; convert them (convert_hf_to_gguf.py), and plan the result."));
  }
}

// The plan's cache is all that fits, which the options do not ask for.
void NoteAllThatFits(const EngineFlagsInput& input, absl::string_view option,
                     uint64_t asked, EngineCommand& command) {
  const absl::StatusOr<uint64_t> all = PoolTokens(input);
  if (!all.ok() || *all <= asked) return;
  command.notes.push_back(absl::StrCat(
      option, " is what was asked for: ", asked, " cells for ",
      input.request.max_seqs,
      input.request.max_seqs == 1 ? " sequence of " : " sequences of ",
      input.request.max_model_len, " tokens. The plan's KV cache is all that ",
      "fits, ", *all, " cells: ask for more or longer sequences to use it."));
}

void AddDraftAndAdapters(const EngineFlagsInput& input,
                         EngineCommand& command) {
  if (input.draft) Add(command, "-md", PathWord(*input.draft));
  if (input.adapters.empty()) return;
  // One option takes all of them, with commas between.
  if (absl::c_any_of(input.adapters, [](absl::string_view path) {
        return absl::StrContains(path, ',') || absl::StrContains(path, '"');
      })) {
    NoteAdapters(input, command);
    return;
  }
  Add(command, "--lora", PathWord(absl::StrJoin(input.adapters, ",")));
  if (!absl::c_all_of(input.adapters, &IsNamedGguf)) {
    command.notes.push_back(
        "llama.cpp loads adapters as GGUF: convert them "
        "(convert_lora_to_gguf.py), and give --lora the results.");
  }
}

}  // namespace

absl::StatusOr<EngineCommand> LlamaCppFlags(const EngineFlagsInput& input) {
  const KvLayoutRequest& request = input.request;
  const LlamaCppOptions options = LlamaCppOptionsOf(request);
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t context, LlamaCppContext(request));
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::string dtype,
      EngineDtypeName(Engine::kLlamaCpp, request.kv_dtype));
  EngineCommand command;
  Add(command, "llama-server", "-m", PathWord(input.model));
  Add(command, "-c", context, "-np", request.max_seqs, "--no-kv-unified");
  Add(command, "-ctk", dtype, "-ctv", dtype, "-fa", "on");
  Add(command, "-ngl", request.platform == Platform::kCpu ? 0 : 999);
  Add(command, "-ub", options.n_ubatch);
  // A logical batch is at least a physical one.
  if (options.n_ubatch > 2048) Add(command, "-b", options.n_ubatch);
  if (options.swa_full) Add(command, "--swa-full");
  if (request.pipeline_parallel > 1) {
    const std::vector<int> shares(request.pipeline_parallel, 1);
    Add(command, "-sm", "layer", "-ts", absl::StrJoin(shares, ","));
  } else {
    Add(command, "-sm", "none");
  }
  Add(command, "--fit", "off");
  AddDraftAndAdapters(input, command);
  if (input.integrated) {
    Add(command, "--cache-ram", 0);
    command.notes.push_back(
        "--cache-ram 0: a prompt cache of up to 8 GiB in host memory would "
        "come out of the same memory as the budget.");
  }
  command.notes.push_back(
      "Checkpoints of windows and states (--ctx-checkpoints, 32 a sequence by "
      "default) are kept in host memory and are not in the plan.");
  NoteFilesToConvert(input, command);
  NoteAllThatFits(input, absl::StrCat("-c ", context), context, command);
  return command;
}

absl::StatusOr<EngineCommand> OllamaFlags(const EngineFlagsInput& input) {
  const KvLayoutRequest& request = input.request;
  if (request.pipeline_parallel > 1) {
    return absl::UnimplementedError(
        "Ollama spreads layers over devices as it sees fit; plan llama.cpp, or "
        "one device");
  }
  if (request.in_flight_tokens.value_or(512) != 512) {
    return absl::InvalidArgumentError(absl::StrCat(
        "Ollama has no setting of the server for tokens in flight; asked ",
        *request.in_flight_tokens,
        ", and it uses 512 where a request's num_batch does not say "
        "otherwise"));
  }
  if (!request.hybrid_manager) {
    return absl::InvalidArgumentError(
        "Ollama has no setting that keeps windows whole; plan llama.cpp with "
        "--swa-full");
  }
  GOVERNOR_ASSIGN_OR_RETURN(const std::string dtype,
                            EngineDtypeName(Engine::kOllama, request.kv_dtype));
  EngineCommand command;
  const auto set = [&](absl::string_view name, const auto& value) {
    command.environment.push_back(absl::StrCat(name, "=", value));
  };
  set("OLLAMA_CONTEXT_LENGTH", request.max_model_len);
  set("OLLAMA_NUM_PARALLEL", request.max_seqs);
  set("OLLAMA_KV_CACHE_TYPE", dtype);
  set("OLLAMA_FLASH_ATTENTION", 1);
  set("OLLAMA_MAX_LOADED_MODELS", 1);
  if (KnowsShare(input)) {
    set("OLLAMA_GPU_OVERHEAD",
        SaturatingSubtract(*input.device_total, *input.budget).count());
  } else {
    NoteNoShare("OLLAMA_GPU_OVERHEAD", command);
  }
  if (input.integrated) {
    // Ollama hands its environment to the llama-server that it starts.
    set("LLAMA_ARG_CACHE_RAM", 0);
  }
  Add(command, "ollama", "serve");
  command.notes.push_back(absl::StrCat(
      "These are for the server; a request's num_ctx or num_batch changes the "
      "plan. The model, ",
      input.model, ", is named by requests."));
  NoteDraft(input, command);
  NoteAdapters(input, command);
  NoteFilesToConvert(input, command);
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t context, LlamaCppContext(request));
  NoteAllThatFits(input,
                  absl::StrCat("OLLAMA_CONTEXT_LENGTH ", request.max_model_len),
                  context, command);
  return command;
}

}  // namespace governor
