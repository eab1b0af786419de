#ifndef GOVERNOR_MODEL_HOSTILE_GGUF_H_
#define GOVERNOR_MODEL_HOSTILE_GGUF_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace governor {

// A file that no reader may trust, and what ours says to it. For tests and as
// the fuzzers' corpus.
struct HostileGguf {
  std::string name;  // also the name of its corpus file
  std::string bytes;
  absl::StatusCode code;
  std::string message;  // a part of it: the value, the limit or the kind
};

// Each at most 4 KiB.
std::vector<HostileGguf> HostileGgufs();

}  // namespace governor

#endif  // GOVERNOR_MODEL_HOSTILE_GGUF_H_
