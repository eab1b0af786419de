#include "governor/host/vmstat_parser.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "governor/host/fast_sample.h"

namespace governor {
namespace {

// In the kernel's order. `pgscan_direct ` with its space is not
// pgscan_direct_throttle.
constexpr LineKey kKeys[] = {{"workingset_refault_anon ", false},
                             {"workingset_refault_file ", false},
                             {"nr_foll_pin_acquired ", false},
                             {"nr_foll_pin_released ", false},
                             {"pswpin ", false},
                             {"pswpout ", false},
                             {"pgmajfault ", false},
                             {"pgsteal_direct ", false},
                             {"pgscan_direct ", false},
                             {"oom_kill ", false},
                             {"compact_fail ", false},
                             // Before 5.9, in place of the first two.
                             {"workingset_refault ", false}};
constexpr size_t kCount = sizeof(kKeys) / sizeof(kKeys[0]);
enum Index {
  kRefaultAnonymous,
  kRefaultFile,
  kPinned,
  kUnpinned,
  kSwappedIn,
  kSwappedOut,
  kMajorFaults,
  kStolenDirect,
  kScannedDirect,
  kKilled,
  kCompactionFailures,
  kRefault,
};
constexpr size_t kRequired[] = {kSwappedIn, kSwappedOut, kMajorFaults,
                                kStolenDirect, kScannedDirect};

}  // namespace

void VmstatParser::AddLine(absl::string_view line) {
  static_assert(kCount <= kMost && kRefault + 1 == kCount);
  if (absl::StartsWith(line, "allocstall")) {
    const size_t space = line.find(' ');
    uint64_t stalls = 0;
    if (space == absl::string_view::npos ||
        !ReadValue(LineKey("", false), line.data() + space,
                   line.data() + line.size(), &stalls) ||
        __builtin_add_overflow(reclaim_stalls_, stalls, &reclaim_stalls_)) {
      malformed_ = "allocstall ";
    }
    return;
  }
  LineValues lines = {values_, seen_, next_, found_, malformed_};
  ReadLine(line.data(), line.size(), kKeys, kCount, &lines);
  next_ = lines.next;
  found_ = lines.found;
  malformed_ = lines.malformed;
}

bool VmstatParser::done() const { return found_ >= kCount - 1; }

std::optional<HostSnapshot::Vmstat> VmstatParser::Finish(
    std::string& problem) const {
  if (malformed_ != nullptr) {
    problem = absl::StrCat("no number in line ", malformed_);
    return std::nullopt;
  }
  for (const size_t key : kRequired) {
    if (!seen_[key]) {
      problem = absl::StrCat("no line ", kKeys[key].name);
      return std::nullopt;
    }
  }
  HostSnapshot::Vmstat found;
  found.swapped_in = values_[kSwappedIn];
  found.swapped_out = values_[kSwappedOut];
  found.refaulted_anonymous = values_[kRefaultAnonymous];
  found.refaulted_file =
      seen_[kRefaultFile] ? values_[kRefaultFile] : values_[kRefault];
  found.reclaim_stalls = reclaim_stalls_;
  found.scanned_direct = values_[kScannedDirect];
  found.stolen_direct = values_[kStolenDirect];
  found.major_faults = values_[kMajorFaults];
  found.compaction_failures = values_[kCompactionFailures];
  found.killed = values_[kKilled];
  // Counted per CPU, and so read at two moments.
  if (values_[kPinned] > values_[kUnpinned]) {
    found.pinned = values_[kPinned] - values_[kUnpinned];
  }
  found.page_size = page_size_;
  return found;
}

}  // namespace governor
