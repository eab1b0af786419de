#ifndef GOVERNOR_MODEL_HOSTILE_GGUF_SHAPE_H_
#define GOVERNOR_MODEL_HOSTILE_GGUF_SHAPE_H_

#include <vector>

#include "governor/model/hostile_gguf.h"

namespace governor {

// Files that are right GGUF and describe no model that can be: what ParseGguf
// takes and ShapeOfGguf refuses, with what it says. For tests and as the
// fuzzers' corpus; each at most 4 KiB.
std::vector<HostileGguf> HostileGgufShapes();

}  // namespace governor

#endif  // GOVERNOR_MODEL_HOSTILE_GGUF_SHAPE_H_
