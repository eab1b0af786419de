#include "governor/policy/engine_flags.h"

#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/policy/engine_flag_parts.h"
#include "governor/policy/shell_words.h"

namespace governor {
namespace {

// Options that list devices stay of a sane length.
constexpr uint64_t kMostRanks = 65536;

// A terminal would act on control characters, and a line would end.
absl::Status CheckPath(absl::string_view of, absl::string_view path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of ", of, " is empty"));
  }
  if (absl::c_any_of(path,
                     [](unsigned char c) { return absl::ascii_iscntrl(c); })) {
    return absl::InvalidArgumentError(
        absl::StrCat("the path of ", of,
                     " has control characters in it; give it another name"));
  }
  return absl::OkStatus();
}

absl::Status CheckInput(const EngineFlagsInput& input) {
  GOVERNOR_RETURN_IF_ERROR(CheckPath("the model", input.model));
  if (input.draft) {
    GOVERNOR_RETURN_IF_ERROR(CheckPath("the draft model", *input.draft));
  }
  for (const std::string& adapter : input.adapters) {
    GOVERNOR_RETURN_IF_ERROR(CheckPath("an adapter", adapter));
  }
  const KvLayoutRequest& request = input.request;
  if (input.num_blocks == 0 || input.layout.block_by_stage.empty() ||
      request.max_model_len == 0 || request.max_seqs == 0 ||
      request.tensor_parallel == 0 || request.pipeline_parallel == 0) {
    return absl::InvalidArgumentError(
        "options are made of a plan that fits: blocks, max_model_len, "
        "max_seqs, tensor_parallel and pipeline_parallel are at least 1");
  }
  if (request.tensor_parallel > kMostRanks ||
      request.pipeline_parallel > kMostRanks) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor_parallel ", request.tensor_parallel, " or pipeline_parallel ",
        request.pipeline_parallel, " is above ", kMostRanks));
  }
  if (request.draft_tokens > 0 && request.engine != Engine::kVllm) {
    return absl::UnimplementedError(
        "layers that draft are planned for vLLM alone");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EngineCommand> EngineFlags(const EngineFlagsInput& input) {
  GOVERNOR_RETURN_IF_ERROR(CheckInput(input));
  switch (input.request.engine) {
    case Engine::kVllm:
      return VllmFlags(input);
    case Engine::kSglang:
      return SglangFlags(input);
    case Engine::kTensorRtLlm:
      return TensorRtLlmFlags(input);
    case Engine::kLlamaCpp:
      return LlamaCppFlags(input);
    case Engine::kOllama:
      return OllamaFlags(input);
    case Engine::kMax:
      return MaxFlags(input);
  }
  return absl::InternalError("an engine without options");
}

std::string ToShell(const EngineCommand& command) {
  std::string text;
  if (!command.file_name.empty()) {
    absl::StrAppend(&text, "cat > ", QuotedForShell(command.file_name),
                    " <<'EOF'\n", command.file_text, "EOF\n");
  }
  std::vector<std::string> words;
  for (const std::string& assignment : command.environment) {
    words.push_back(QuotedAssignment(assignment));
  }
  for (const std::string& word : command.words) {
    words.push_back(QuotedForShell(word));
  }
  absl::StrAppend(&text, absl::StrJoin(words, " "));
  return text;
}

}  // namespace governor
