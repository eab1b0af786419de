#ifndef GOVERNOR_GROUP_BLOCKS_H_
#define GOVERNOR_GROUP_BLOCKS_H_

#include <cstdint>

#include "governor/policy/kv_layout.h"

namespace governor {

// Blocks that one sequence of `tokens` tokens holds of this group alone.
inline uint64_t BlocksOfGroup(const KvGroup& group, uint64_t tokens) {
  KvLayout alone;
  alone.groups = {group};
  return BlocksPerSequence(alone, tokens);
}

}  // namespace governor

#endif  // GOVERNOR_GROUP_BLOCKS_H_
