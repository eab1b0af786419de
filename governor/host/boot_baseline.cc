#include "governor/host/boot_baseline.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace governor {

BootBaseline NextBaseline(const std::optional<BootBaseline>& known,
                          const BootBaseline& now) {
  if (!known || known->total != now.total) return now;
  if (known->boot_id == now.boot_id) {
    return now.unaccounted < known->unaccounted ? now : *known;
  }
  const bool clean =
      SaturatingSubtract(now.unaccounted, known->unaccounted) < kVanished;
  return clean ? now : *known;
}

std::string ToText(const BootBaseline& baseline) {
  return absl::StrCat(baseline.boot_id, " ", baseline.total.count(), " ",
                      baseline.unaccounted.count(), "\n");
}

std::optional<BootBaseline> ParseBootBaseline(absl::string_view text) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(absl::StripAsciiWhitespace(text), ' ');
  uint64_t total = 0;
  uint64_t unaccounted = 0;
  if (words.size() != 3 || words[0].empty() || words[0].size() > 64 ||
      !std::all_of(words[0].begin(), words[0].end(),
                   [](char c) { return absl::ascii_isalnum(c) || c == '-'; }) ||
      !absl::SimpleAtoi(words[1], &total) ||
      !absl::SimpleAtoi(words[2], &unaccounted)) {
    return std::nullopt;
  }
  return BootBaseline{std::string(words[0]), Bytes(total), Bytes(unaccounted)};
}

}  // namespace governor
