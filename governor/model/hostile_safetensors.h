#ifndef GOVERNOR_MODEL_HOSTILE_SAFETENSORS_H_
#define GOVERNOR_MODEL_HOSTILE_SAFETENSORS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace governor {

// A file that no reader may trust, and what ours says to it. For tests and as
// the fuzzers' corpora.
struct HostileFile {
  std::string name;  // also the name of its corpus file
  std::string bytes;
  absl::StatusCode code;
  std::string message;  // a part of it: the value, the limit or the kind
};

// Each at most 4 KiB. The second are texts of model.safetensors.index.json.
std::vector<HostileFile> HostileSafetensors();
std::vector<HostileFile> HostileSafetensorsIndexes();

}  // namespace governor

#endif  // GOVERNOR_MODEL_HOSTILE_SAFETENSORS_H_
