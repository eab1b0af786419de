#include <algorithm>
#include <limits>

#include "governor/policy/checked_count.h"
#include "governor/policy/kv_layout.h"

namespace governor {

uint64_t BlocksPerSequence(const KvLayout& layout, uint64_t tokens) {
  if (tokens == 0) return 0;
  CheckedCount blocks = 0;
  for (const KvGroup& group : layout.groups) {
    const uint64_t held = std::min(tokens, group.most_tokens.value_or(tokens));
    blocks = blocks + CheckedCount(held).DividedUpBy(group.block_tokens) +
             group.extra_blocks;
  }
  return blocks.value().value_or(std::numeric_limits<uint64_t>::max());
}

}  // namespace governor
