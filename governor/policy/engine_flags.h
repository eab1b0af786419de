#ifndef GOVERNOR_POLICY_ENGINE_FLAGS_H_
#define GOVERNOR_POLICY_ENGINE_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/policy/kv_layout.h"

namespace governor {

// The numbers of a plan that fits, as far as an engine's options say them.
struct EngineFlagsInput {
  std::string model;  // path or name, as the user gave it
  // Paths of the draft model and of the adapters that the plan counts.
  std::optional<std::string> draft = std::nullopt;
  std::vector<std::string> adapters = {};
  // What was asked, with max_model_len and max_seqs of the plan.
  KvLayoutRequest request;
  // Somebody asked for max_seqs sequences. Otherwise the engine's own limit
  // stays, where no part of the layout is made for a number of sequences.
  bool max_seqs_asked = true;
  KvLayout layout;
  uint64_t num_blocks = 0;  // of the pool, the reserved ones included
  // Of one device. Without both of them, options that take fractions of the
  // device are left out, with a note.
  std::optional<Bytes> budget = std::nullopt;
  std::optional<Bytes> device_total = std::nullopt;
  // Held before the engine looks at free memory: its context, libraries.
  Bytes allowance;
  // The device's memory is the host's: what an engine keeps in host memory
  // comes out of the same budget.
  bool integrated = false;
};

// How to start an engine so that it does what was planned. Nothing is quoted.
struct EngineCommand {
  std::vector<std::string> environment;  // NAME=value
  std::vector<std::string> words;        // the program and its arguments
  // A file that the words name, which must be there first; none: empty.
  std::string file_name;
  std::string file_text;
  // What the options cannot say, and what was left out: whole sentences.
  std::vector<std::string> notes;
};

// The options of `input.request.engine`, as these have them:
//   vLLM 0.32.0 (its argument parser), SGLang 0.5.23 and MAX 26.7.0 (their
//   wheels' sources), llama.cpp's server (README at 00dc8057), Ollama
//   fb307609 (source), TensorRT-LLM 1.3.0rc27 (documentation).
// From memory: MAX's --max-batch-size and --kv-cache-page-size; fp8 and nvfp4
// of TensorRT-LLM, whose documentation was seen to give auto alone; how each
// engine is given drafts and adapters.
// Each gets an absolute size where it takes one (vLLM bytes, SGLang tokens,
// TensorRT-LLM bytes and tokens, llama.cpp and Ollama cells); MAX takes
// fractions alone. Nothing here was run on a device.
// INVALID_ARGUMENT: a path that is empty or has control characters in it; no
// blocks; a dtype that the engine does not know, with its own names; sizes
// above 2^64 - 1 bytes. UNIMPLEMENTED: dtypes, draft layers and pipelines that
// the options of an engine cannot express.
absl::StatusOr<EngineCommand> EngineFlags(const EngineFlagsInput& input);

// One line for a POSIX shell (after a here-document, where there is a file):
// words are quoted where they need it.
std::string ToShell(const EngineCommand& command);

// How the option of `engine` for the KV dtype spells `dtype`; the engine's name
// for `as the model` where there is none. INVALID_ARGUMENT: it has no such
// dtype; the message lists its own.
absl::StatusOr<std::string> EngineDtypeName(Engine engine,
                                            std::optional<KvDtype> dtype);

}  // namespace governor

#endif  // GOVERNOR_POLICY_ENGINE_FLAGS_H_
