#include "governor/host/zoneinfo_parser.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "governor/host/fast_sample.h"

namespace governor {
namespace {

// More zones than any machine has.
constexpr int kMostZones = 1 << 16;

}  // namespace

void ZoneinfoParser::Add(absl::string_view number, uint64_t& sum) {
  uint64_t pages = 0;
  if (!ReadValue(LineKey("", false), number.data(),
                 number.data() + number.size(), &pages) ||
      __builtin_add_overflow(sum, pages, &sum)) {
    malformed_ = true;
  }
}

void ZoneinfoParser::AddLine(absl::string_view line) {
  if (absl::StartsWith(line, "Node ")) {
    const size_t zone = line.find(", zone ");
    if (zone == absl::string_view::npos) return;
    if ((zones_ > 0 && !zone_is_whole()) || zones_ == kMostZones) {
      malformed_ = true;
    }
    zones_ = std::min(zones_ + 1, kMostZones);
    free_lines_ = low_lines_ = high_lines_ = 0;
    in_movable_ = absl::EndsWith(line, " Movable");
    return;
  }
  const size_t indent = line.find_first_not_of(' ');
  if (indent == absl::string_view::npos || zones_ == 0 || malformed_) return;
  line.remove_prefix(indent);
  // "high:" is a CPU's list, "high" the zone's watermark.
  if (absl::ConsumePrefix(&line, "count:")) {
    Add(line, sums_.per_cpu);
  } else if (absl::ConsumePrefix(&line, "pages free ")) {
    uint64_t free = 0;
    Add(line, in_movable_ ? sums_.movable_free : free);
    ++free_lines_;
  } else if (absl::ConsumePrefix(&line, "low ")) {
    Add(line, sums_.low);
    ++low_lines_;
  } else if (absl::ConsumePrefix(&line, "high ")) {
    Add(line, sums_.high);
    ++high_lines_;
  }
  if (free_lines_ > 1 || low_lines_ > 1 || high_lines_ > 1) malformed_ = true;
}

std::optional<HostSnapshot::Zones> ZoneinfoParser::Finish(
    std::string& problem) const {
  const auto bytes = [&](uint64_t pages) {
    return CheckedMultiply(page_size_, pages);
  };
  const std::optional<Bytes> movable_free = bytes(sums_.movable_free);
  const std::optional<Bytes> per_cpu = bytes(sums_.per_cpu);
  const std::optional<Bytes> low = bytes(sums_.low);
  const std::optional<Bytes> high = bytes(sums_.high);
  if (malformed_ || zones_ == 0 || !zone_is_whole() || !movable_free ||
      !per_cpu || !low || !high) {
    problem = "no zone, or one without its free pages and watermarks";
    return std::nullopt;
  }
  return HostSnapshot::Zones{*movable_free, *per_cpu, *low, *high};
}

}  // namespace governor
