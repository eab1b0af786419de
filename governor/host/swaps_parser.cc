#include "governor/host/swaps_parser.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "governor/base/bytes.h"
#include "governor/host/fast_sample.h"

namespace governor {
namespace {

constexpr int kMostDevices = 1024;  // the kernel has at most 32

// The next word, taken off the line; empty: none is left.
absl::string_view TakeWord(absl::string_view& line) {
  const size_t begin = line.find_first_not_of(" \t");
  if (begin == absl::string_view::npos) return {};
  line.remove_prefix(begin);
  const absl::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

// In KiB.
std::optional<Bytes> Size(absl::string_view word) {
  uint64_t kib = 0;
  if (!ReadValue(LineKey("", false), word.data(), word.data() + word.size(),
                 &kib)) {
    return std::nullopt;
  }
  return CheckedMultiply(KiB(1), kib);
}

}  // namespace

void SwapsParser::AddLine(absl::string_view line) {
  if (!header_) {
    header_ = absl::StartsWith(line, "Filename");
    malformed_ = !header_;
    return;
  }
  // A blank in a name is printed as \040.
  const absl::string_view name = TakeWord(line);
  TakeWord(line);  // the type
  const std::optional<Bytes> size = Size(TakeWord(line));
  const std::optional<Bytes> used = Size(TakeWord(line));
  const bool has_priority = !TakeWord(line).empty();
  const std::optional<Bytes> size_sum =
      size ? CheckedAdd(sums_.size, *size) : std::nullopt;
  if (!used || !has_priority || !TakeWord(line).empty() || !size_sum ||
      *used > *size || sums_.devices == kMostDevices) {
    malformed_ = true;
    return;
  }
  ++sums_.devices;
  sums_.size = *size_sum;
  sums_.used += *used;  // no more than `size`
  if (absl::StartsWith(name, "/dev/zram")) sums_.compressed_memory = true;
}

std::optional<HostSnapshot::Swaps> SwapsParser::Finish(
    std::string& problem) const {
  if (malformed_ || !header_) {
    problem = "no header, or a line that is no device with its sizes";
    return std::nullopt;
  }
  return sums_;
}

}  // namespace governor
