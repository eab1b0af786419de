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

// A path that begins with a dash would be read as an option.
std::string PathWord(absl::string_view path);

// `text` as a string of JSON. It has no control characters.
std::string QuotedForJson(absl::string_view text);

// Whether the number of sequences is said: it was asked for, or parts of the
// layout are made for it.
bool SaysSequences(const EngineFlagsInput& input);

// The folder of an adapter, for the file in it that the plan was made of. vLLM
// and SGLang load folders alone; the note says so of files of other names.
absl::string_view AdapterFolder(absl::string_view path);
void NoteAdapterFiles(const EngineFlagsInput& input, EngineCommand& command);

// Notes that the draft and the adapters of the plan are not among the options.
void NoteDraft(const EngineFlagsInput& input, EngineCommand& command);
void NoteAdapters(const EngineFlagsInput& input, EngineCommand& command);

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
