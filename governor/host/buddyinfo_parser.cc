#include "governor/host/buddyinfo_parser.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "governor/host/fast_sample.h"

namespace governor {
namespace {

// What a driver takes in one piece.
constexpr Bytes kHuge = MiB(2);
constexpr int kMostOrders = 40;

}  // namespace

bool BuddyinfoParser::AddPieces(int order, uint64_t count) {
  const std::optional<Bytes> piece =
      CheckedMultiply(page_size_, uint64_t{1} << order);
  if (!piece) return count == 0;
  const std::optional<Bytes> size = CheckedMultiply(*piece, count);
  if (!size) return false;
  const std::optional<Bytes> free = CheckedAdd(sums_.free, *size);
  if (!free) return false;
  sums_.free = *free;
  if (*piece >= kHuge) sums_.huge_free += *size;  // no more than `free`
  return true;
}

void BuddyinfoParser::AddLine(absl::string_view line) {
  if (malformed_) return;
  const size_t zone = line.find(", zone ");
  if (!absl::StartsWith(line, "Node ") || zone == absl::string_view::npos) {
    malformed_ = true;
    return;
  }
  line.remove_prefix(zone + 7);
  line = line.substr(std::min(line.find_first_not_of(' '), line.size()));
  const size_t name_end = line.find(' ');
  if (name_end == absl::string_view::npos) {
    malformed_ = true;
    return;
  }
  const bool movable = line.substr(0, name_end) == "Movable";
  const char* at = line.data() + name_end;
  const char* const end = line.data() + line.size();
  int order = 0;
  for (;; ++order) {
    const char* const before = at;
    while (at != end && *at == ' ') ++at;
    if (at == end) break;
    uint64_t count = 0;
    if (at == before || order == kMostOrders || !ReadDigits(&at, end, &count) ||
        (!movable && !AddPieces(order, count))) {
      malformed_ = true;
      return;
    }
  }
  if (order == 0) malformed_ = true;
  any_zone_ = true;
}

std::optional<HostSnapshot::Contiguity> BuddyinfoParser::Finish(
    std::string& problem) const {
  if (malformed_ || !any_zone_) {
    problem = "a line that is no zone with its counts";
    return std::nullopt;
  }
  return sums_;
}

}  // namespace governor
