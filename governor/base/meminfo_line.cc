#include "governor/base/meminfo_line.h"

#include <cstdint>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace governor {

std::optional<Bytes> ParseMeminfo(absl::string_view meminfo,
                                  absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(meminfo, '\n')) {
    uint64_t kib = 0;
    if (absl::ConsumePrefix(&line, name) && absl::ConsumePrefix(&line, ":") &&
        absl::ConsumeSuffix(&line, " kB") && absl::SimpleAtoi(line, &kib) &&
        kib <= std::numeric_limits<uint64_t>::max() >> 10) {
      return KiB(kib);
    }
  }
  return std::nullopt;
}

}  // namespace governor
