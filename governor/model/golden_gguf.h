#ifndef GOVERNOR_MODEL_GOLDEN_GGUF_H_
#define GOVERNOR_MODEL_GOLDEN_GGUF_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace governor {

// The models whose KV caches llama.cpp logged (goldens/engines.jsonl, kind
// `llama.cpp kv`), named as there.
std::vector<std::string> GoldenGgufNames();

// The GGUF header that llama.cpp's converter writes from the configuration of
// the golden's model: every field that decides what layers remember. Of the
// tensors one norm for each layer, so that the file stays small: its weights
// are not the model's. `model` may be cut short (`jamba` for `jamba-v0.1`).
// Dies where no name starts with it.
std::string GoldenGguf(absl::string_view model);

}  // namespace governor

#endif  // GOVERNOR_MODEL_GOLDEN_GGUF_H_
