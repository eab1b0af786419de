#ifndef GOVERNOR_POLICY_ENGINE_FLAG_PARTS_H_
#define GOVERNOR_POLICY_ENGINE_FLAG_PARTS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/policy/engine_flags.h"

namespace governor {

// What the options of several engines are made of. Private to EngineFlags,
// which has checked the input.

// SGLang and TensorRT-LLM take the smaller of this share of what is free and
// the absolute size, which is the one that must decide.
inline constexpr char kShareNotTheLimit[] = "0.95";

template <typename... Words>
void Add(EngineCommand& command, const Words&... words) {
  (command.words.push_back(absl::StrCat(words)), ...);
}

// A model that begins with a dash would be read as an option.
std::string ModelWord(const EngineFlagsInput& input);

// `part` of `whole` in decimals, rounded down; between 0.001 and 1.
std::string Fraction(Bytes part, Bytes whole);

// Whether shares of the device's memory can be said, and the note that
// `option` is left out because they cannot.
bool KnowsShare(const EngineFlagsInput& input);
void NoteNoShare(absl::string_view option, EngineCommand& command);

// Bytes of the pool on the rank that holds most of it.
absl::StatusOr<uint64_t> PoolBytes(const EngineFlagsInput& input);
// Tokens of the blocks that sequences can have.
absl::StatusOr<uint64_t> PoolTokens(const EngineFlagsInput& input);

// As PyTorch spells it. Not for kUnsaid.
absl::string_view StateDtypeName(StateDtype dtype);

absl::StatusOr<EngineCommand> VllmFlags(const EngineFlagsInput& input);
absl::StatusOr<EngineCommand> SglangFlags(const EngineFlagsInput& input);
absl::StatusOr<EngineCommand> TensorRtLlmFlags(const EngineFlagsInput& input);
absl::StatusOr<EngineCommand> LlamaCppFlags(const EngineFlagsInput& input);
absl::StatusOr<EngineCommand> OllamaFlags(const EngineFlagsInput& input);
absl::StatusOr<EngineCommand> MaxFlags(const EngineFlagsInput& input);

}  // namespace governor

#endif  // GOVERNOR_POLICY_ENGINE_FLAG_PARTS_H_
