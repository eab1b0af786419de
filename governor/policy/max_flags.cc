#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "governor/base/status_macros.h"
#include "governor/policy/engine_flag_parts.h"
#include "governor/policy/max_layout.h"

namespace governor {

absl::StatusOr<EngineCommand> MaxFlags(const EngineFlagsInput& input) {
  const KvLayoutRequest& request = input.request;
  if (request.pipeline_parallel > 1) {
    return absl::UnimplementedError(
        "MAX has no pipelines; use tensor_parallel");
  }
  GOVERNOR_ASSIGN_OR_RETURN(const std::string dtype,
                            EngineDtypeName(Engine::kMax, request.kv_dtype));
  EngineCommand command;
  if (KnowsShare(input)) {
    const double percent = 100.0 * static_cast<double>(input.budget->count()) /
                           static_cast<double>(input.device_total->count());
    command.environment.push_back(
        absl::StrCat("MODULAR_DEVICE_CONTEXT_MEMORY_MANAGER_SIZE_PERCENT=",
                     static_cast<uint64_t>(std::clamp(percent, 1.0, 100.0))));
  } else {
    NoteNoShare("MODULAR_DEVICE_CONTEXT_MEMORY_MANAGER_SIZE_PERCENT", command);
  }
  Add(command, "max", "serve", "--model", PathWord(input.model));
  Add(command, "--max-length", request.max_model_len);
  if (SaysSequences(input)) Add(command, "--max-batch-size", request.max_seqs);
  Add(command, "--kv-cache-page-size",
      request.block_tokens.value_or(kMaxBlockTokens));
  if (request.kv_dtype) Add(command, "--kv-cache-format", dtype);
  if (!request.prefix_caching) Add(command, "--no-enable-prefix-caching");
  if (request.platform == Platform::kCpu) {
    Add(command, "--devices", "cpu");
  } else if (request.tensor_parallel > 1) {
    std::vector<uint64_t> devices(request.tensor_parallel);
    for (size_t i = 0; i < devices.size(); ++i) devices[i] = i;
    Add(command, "--devices",
        absl::StrCat("gpu:", absl::StrJoin(devices, ",")));
  }
  if (KnowsShare(input)) {
    Add(command, "--device-memory-utilization",
        Fraction(*input.budget, *input.device_total));
  } else {
    NoteNoShare("--device-memory-utilization", command);
  }
  NoteDraft(input, command);
  NoteAdapters(input, command);
  command.notes.push_back(
      "MAX sizes its cache from what is free when it starts: with less free "
      "than planned, the cache is smaller than planned.");
  return command;
}

}  // namespace governor
