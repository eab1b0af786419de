#include "governor/host/stall_parser.h"

#include <limits>

#include "governor/host/fast_sample.h"

namespace governor {

void StallParser::AddLine(absl::string_view line) {
  uint64_t total = 0;
  const StallLine kind = ReadStallLine(line.data(), line.size(), &total);
  if (kind == StallLine::kMalformed) malformed_ = true;
  if (kind == StallLine::kSome && !some_us_) some_us_ = total;
  if (kind == StallLine::kFull && !full_us_) full_us_ = total;
}

std::optional<HostSnapshot::Stall> StallParser::Finish(
    std::string& problem) const {
  // What absl::Duration counts exactly; 292,000 years.
  constexpr uint64_t kMost = std::numeric_limits<int64_t>::max();
  if (malformed_ || !some_us_ || !full_us_ || *some_us_ > kMost ||
      *full_us_ > kMost) {
    problem = "no total= in microseconds of some and full";
    return std::nullopt;
  }
  return HostSnapshot::Stall{
      absl::Microseconds(static_cast<int64_t>(*some_us_)),
      absl::Microseconds(static_cast<int64_t>(*full_us_))};
}

}  // namespace governor
