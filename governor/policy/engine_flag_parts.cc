#include "governor/policy/engine_flag_parts.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "governor/policy/checked_count.h"

namespace governor {

std::string ModelWord(const EngineFlagsInput& input) {
  return absl::StartsWith(input.model, "-") ? absl::StrCat("./", input.model)
                                            : input.model;
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
                   "memory, and the plan has no budget or no device"));
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
