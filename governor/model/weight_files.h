#ifndef GOVERNOR_MODEL_WEIGHT_FILES_H_
#define GOVERNOR_MODEL_WEIGHT_FILES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace governor {

// Which files of a model's folder hold its weights, from the names alone: for
// folders without model.safetensors.index.json.
//
// Of all *.safetensors but adapters and optimizer states: those that start with
// `model`; where there are none, all others but `consolidated*`, which labs put
// beside the model as a second copy; where there are none of those, these.
// Empty, and no error: the folder holds no weights of any kind.
//
// NOT_FOUND: parts are missing (`-00001-of-00004`), or the folder is empty.
// INVALID_ARGUMENT: only GGUF files. UNIMPLEMENTED: only weights of a kind that
// is not read. Each says what to do.
absl::StatusOr<std::vector<std::string>> WeightFilesOf(
    const std::vector<std::string>& names);

// `model-00003-of-00040.safetensors`: 40. nullopt: not one of several files.
std::optional<uint64_t> PartsOf(absl::string_view name);

}  // namespace governor

#endif  // GOVERNOR_MODEL_WEIGHT_FILES_H_
