#ifndef GOVERNOR_MODEL_GGUF_ARCHITECTURE_H_
#define GOVERNOR_MODEL_GGUF_ARCHITECTURE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace governor {

// What the layers of an architecture remember. "Or" is decided layer by layer,
// by the file's metadata.
enum class GgufMemory {
  kHeads,           // K and V heads
  kHeadsOrNothing,  // head_count_kv 0: nothing (Llama-Nemotron)
  kLatent,          // multi-head latent attention; heads in old conversions
  kSparseLatent,    // the same behind a sparse indexer
  kCompressedLatent,
  kMamba1,
  kMamba2,
  kHeadsAndMamba2,  // both in every layer (Falcon-H1)
  kHeadsOrMamba1,   // head_count_kv 0: a state
  kHeadsOrMamba2,
  kHeadsOrMamba2OrNothing,  // a feed-forward layer keeps nothing (Nemotron-H)
  kHeadsOrDeltaNet,         // every n-th layer has heads, or as listed
  kLatentOrKimiDelta,       // head_count_kv 0: a state
};

// Which layers see a window of tokens only, and how large it is.
struct GgufWindows {
  enum class Size {
    kNever,     // the architecture has none, whatever the file says
    kRequired,  // `attention.sliding_window` must be there
    kOptional,  // absent or zero: no windows
    kDefault,   // absent: `tokens`
    kFixed,     // `tokens`, whatever the file says; zero there: no windows
  };
  Size size = Size::kNever;
  uint64_t tokens = 0;
  // Of this many layers one is full: the last, or with `full_first` the first.
  // Zero: the file must list the layers in `attention.sliding_window_pattern`,
  // which may also replace the period.
  uint64_t period = 0;
  bool full_first = false;
  bool chunked = false;  // chunks of `tokens`, not windows
  // Nonzero: only a model of so many layers has windows.
  uint64_t only_with_layers = 0;
};

// Layers at the end that read what earlier layers keep.
enum class GgufSharing {
  kNone,
  kAfter20,  // Gemma 3n: the first 20 layers keep their own
  kDeclared  // `attention.shared_kv_layers`
};

// How llama.cpp takes one value of `general.architecture`. From the loaders of
// each (src/models/*.cpp: load_arch_hparams), load_hparams and create_memory
// (src/llama-model.cpp) of ggml-org/llama.cpp at 0c1e57098bba of 2026-10-01.
struct GgufArchitecture {
  absl::string_view name;
  GgufMemory memory = GgufMemory::kHeads;
  GgufWindows windows = {};
  GgufSharing sharing = GgufSharing::kNone;
};

// All that are known, those with windows or states first.
absl::Span<const GgufArchitecture> GgufArchitectures();

// Null where `name` is not known.
const GgufArchitecture* FindGgufArchitecture(absl::string_view name);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_ARCHITECTURE_H_
