#include "governor/policy/engine_flag_parts.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "governor/policy/checked_count.h"

namespace governor {

std::string PathWord(absl::string_view path) {
  return absl::StrCat(absl::StartsWith(path, "-") ? "./" : "", path);
}

std::string QuotedForJson(absl::string_view text) {
  return absl::StrCat(
      "\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

bool SaysSequences(const EngineFlagsInput& input) {
  return input.max_seqs_asked ||
         std::any_of(input.layout.sequence_by_stage.begin(),
                     input.layout.sequence_by_stage.end(),
                     [](Bytes size) { return !size.is_zero(); });
}

absl::string_view AdapterFolder(absl::string_view path) {
  constexpr absl::string_view kFile = "adapter_model.safetensors";
  if (path == kFile) return ".";
  if (!absl::EndsWith(path, absl::StrCat("/", kFile))) return path;
  path.remove_suffix(kFile.size());
  return path.size() == 1 ? path : path.substr(0, path.size() - 1);
}

void NoteAdapterFiles(const EngineFlagsInput& input, EngineCommand& command) {
  for (const std::string& adapter : input.adapters) {
    if (!absl::EndsWith(AdapterFolder(adapter), ".safetensors")) continue;
    command.notes.push_back(absl::StrCat(
        ToString(input.request.engine),
        " loads adapters from folders with an adapter_config.json: name the "
        "folder of ",
        adapter, " instead of the file."));
  }
}

void NoteDraft(const EngineFlagsInput& input, EngineCommand& command) {
  if (!input.draft) return;
  command.notes.push_back(
      absl::StrCat("The plan counts the draft model ", *input.draft,
                   ", which no option of ", ToString(input.request.engine),
                   " here names: add what makes the engine load it."));
}

void NoteAdapters(const EngineFlagsInput& input, EngineCommand& command) {
  if (input.adapters.empty()) return;
  command.notes.push_back(absl::StrCat(
      "The plan counts the adapters ", absl::StrJoin(input.adapters, ", "),
      ", which no option of ", ToString(input.request.engine),
      " here names: add what makes the engine load them."));
}

std::string Fraction(Bytes part, Bytes whole) {
  const double fraction =
      static_cast<double>(part.count()) / static_cast<double>(whole.count());
  const double floored = std::floor(fraction * 1000) / 1000;
  return absl::StrFormat("%.3f", std::clamp(floored, 0.001, 1.0));
}

bool KnowsShare(const EngineFlagsInput& input) {
  return input.budget && input.device_total && !input.device_total->is_zero();
}

void NoteNoShare(absl::string_view option, EngineCommand& command) {
  command.notes.push_back(
      absl::StrCat(option,
                   " is left out: it is a share of the device's "
                   "memory, and the plan has no budget or no device."));
}

absl::StatusOr<uint64_t> PoolBytes(const EngineFlagsInput& input) {
  const Bytes block = *std::max_element(input.layout.block_by_stage.begin(),
                                        input.layout.block_by_stage.end());
  const std::optional<Bytes> pool = CheckedMultiply(block, input.num_blocks);
  if (pool) return pool->count();
  return absl::InvalidArgumentError("the pool passes 2^64 - 1 bytes");
}

absl::StatusOr<uint64_t> PoolTokens(const EngineFlagsInput& input) {
  const uint64_t blocks =
      input.num_blocks -
      std::min(input.num_blocks, input.layout.reserved_blocks);
  const std::optional<uint64_t> tokens =
      (CheckedCount(blocks) * input.layout.block_tokens).value();
  if (tokens && *tokens > 0) return *tokens;
  return absl::InvalidArgumentError(
      "the pool has no tokens for sequences, or passes 2^64 - 1 of them");
}

absl::string_view StateDtypeName(StateDtype dtype) {
  switch (dtype) {
    case StateDtype::kBfloat16:
      return "bfloat16";
    case StateDtype::kFloat16:
      return "float16";
    case StateDtype::kFloat32:
    case StateDtype::kUnsaid:
      break;
  }
  return "float32";
}

}  // namespace governor
