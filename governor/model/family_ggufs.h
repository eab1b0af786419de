#ifndef GOVERNOR_MODEL_FAMILY_GGUFS_H_
#define GOVERNOR_MODEL_FAMILY_GGUFS_H_

#include <map>
#include <string>

#include "governor/model/gguf_writer.h"

namespace governor {

// One small right model for each way in which layers remember, by
// architecture: embedding 8, 4 query heads on 2 KV heads of 2 where it has
// heads, vocabulary 4, one norm of 8 for each layer. For tests, which add what
// they look at, and for the fuzzers' corpus.
std::map<std::string, GgufWriter> FamilyGgufs();

}  // namespace governor

#endif  // GOVERNOR_MODEL_FAMILY_GGUFS_H_
