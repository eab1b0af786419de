#ifndef GOVERNOR_ADAPTER_WEIGHTS_H_
#define GOVERNOR_ADAPTER_WEIGHTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"

namespace governor {

// The bytes of all tensors of the adapters (LoRA) at `paths`, from their
// headers: each a .safetensors file, or a folder that holds
// adapter_model.safetensors. What one engine makes of them in memory may be
// more.
// The errors of ParseSafetensors and FileByteSource::Open, each with the path.
// INVALID_ARGUMENT: their sum passes 2^64 - 1 bytes.
absl::StatusOr<Bytes> ReadAdapterWeights(const std::vector<std::string>& paths);

}  // namespace governor

#endif  // GOVERNOR_ADAPTER_WEIGHTS_H_
