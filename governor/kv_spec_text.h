#ifndef GOVERNOR_KV_SPEC_TEXT_H_
#define GOVERNOR_KV_SPEC_TEXT_H_

#include <string>
#include <vector>

#include "governor/model/kv_spec.h"

namespace governor {

// For people, in one line: `sliding window 1024, 32 query heads, 16 KV heads of
// 128`.
std::string ToText(const KvSpec& spec);

// What one layer remembers, its parts joined by `and`.
std::string ToText(const std::vector<KvSpec>& kv);

}  // namespace governor

#endif  // GOVERNOR_KV_SPEC_TEXT_H_
