#include "governor/host/meminfo_parser.h"

#include "absl/strings/str_cat.h"

namespace governor {
namespace {

using Meminfo = HostSnapshot::Meminfo;

// In the kernel's order, so that each line is the next of the table.
constexpr struct Line {
  LineKey key;
  // null: of the two that make hugetlb_free.
  Bytes Meminfo::*figure;
  bool required = false;
} kLines[] = {
    {{"MemTotal:", true}, &Meminfo::total, true},
    {{"MemFree:", true}, &Meminfo::free, true},
    {{"MemAvailable:", true}, &Meminfo::available, true},
    {{"Buffers:", true}, &Meminfo::buffers},
    {{"Cached:", true}, &Meminfo::cached},
    {{"SwapCached:", true}, &Meminfo::swap_cached},
    {{"Active(anon):", true}, &Meminfo::active_anonymous},
    {{"Inactive(anon):", true}, &Meminfo::inactive_anonymous},
    {{"Active(file):", true}, &Meminfo::active_file},
    {{"Inactive(file):", true}, &Meminfo::inactive_file},
    {{"Unevictable:", true}, &Meminfo::unevictable},
    {{"Mlocked:", true}, &Meminfo::mlocked},
    {{"SwapTotal:", true}, &Meminfo::swap_total},
    {{"SwapFree:", true}, &Meminfo::swap_free},
    {{"Zswap:", true}, &Meminfo::zswap},
    {{"Dirty:", true}, &Meminfo::dirty, true},
    {{"Writeback:", true}, &Meminfo::writeback, true},
    {{"AnonPages:", true}, &Meminfo::anonymous},
    {{"Shmem:", true}, &Meminfo::shmem},
    {{"KReclaimable:", true}, &Meminfo::kernel_reclaimable},
    {{"Slab:", true}, &Meminfo::slab},
    {{"SReclaimable:", true}, &Meminfo::slab_reclaimable},
    {{"KernelStack:", true}, &Meminfo::kernel_stack},
    {{"PageTables:", true}, &Meminfo::page_tables},
    {{"SecPageTables:", true}, &Meminfo::secondary_page_tables},
    {{"Bounce:", true}, &Meminfo::bounce},
    {{"CommitLimit:", true}, &Meminfo::commit_limit},
    {{"Committed_AS:", true}, &Meminfo::committed},
    {{"Percpu:", true}, &Meminfo::per_cpu},
    {{"AnonHugePages:", true}, &Meminfo::anonymous_huge},
    {{"CmaTotal:", true}, &Meminfo::cma_total},
    {{"CmaFree:", true}, &Meminfo::cma_free},
    {{"HugePages_Free:", false}, nullptr},
    {{"Hugepagesize:", true}, nullptr},
    {{"Hugetlb:", true}, &Meminfo::hugetlb},
};
constexpr size_t kLineCount = sizeof(kLines) / sizeof(kLines[0]);
constexpr size_t kHugePagesFree = 32;
constexpr size_t kHugePageSize = 33;

struct Keys {
  constexpr Keys() {
    for (size_t line = 0; line != kLineCount; ++line) {
      keys[line] = kLines[line].key;
    }
  }
  LineKey keys[kLineCount] = {};
};
constexpr Keys kKeys;

constexpr Bytes Meminfo::*kCounted[] = {&Meminfo::free,
                                        &Meminfo::buffers,
                                        &Meminfo::cached,
                                        &Meminfo::swap_cached,
                                        &Meminfo::anonymous,
                                        &Meminfo::slab,
                                        &Meminfo::kernel_stack,
                                        &Meminfo::page_tables,
                                        &Meminfo::secondary_page_tables,
                                        &Meminfo::per_cpu,
                                        &Meminfo::bounce,
                                        &Meminfo::hugetlb};

}  // namespace

MeminfoParser::MeminfoParser() : lines_{values_, seen_} {
  static_assert(kLineCount <= kMost);
}

MeminfoParser::MeminfoParser(const MeminfoParser& other) : MeminfoParser() {
  for (size_t line = 0; line != kLineCount; ++line) {
    values_[line] = other.values_[line];
    seen_[line] = other.seen_[line];
  }
  lines_.next = other.lines_.next;
  lines_.found = other.lines_.found;
  lines_.malformed = other.lines_.malformed;
}

void MeminfoParser::AddLine(absl::string_view line) {
  ReadLine(line.data(), line.size(), kKeys.keys, kLineCount, &lines_);
}

std::optional<Meminfo> MeminfoParser::Finish(std::string& problem) const {
  if (lines_.malformed != nullptr) {
    problem = absl::StrCat("no size in line ", lines_.malformed);
    return std::nullopt;
  }
  Meminfo found;
  for (size_t line = 0; line != kLineCount; ++line) {
    if (kLines[line].required && !seen_[line]) {
      problem = absl::StrCat("no line ", kLines[line].key.name);
      return std::nullopt;
    }
    if (kLines[line].figure != nullptr) {
      found.*kLines[line].figure = Bytes(values_[line]);
    }
  }
  const std::optional<Bytes> hugetlb_free =
      CheckedMultiply(Bytes(values_[kHugePageSize]), values_[kHugePagesFree]);
  if (!hugetlb_free || found.free > found.total ||
      found.available > found.total) {
    problem = "more free than there is";
    return std::nullopt;
  }
  found.hugetlb_free = *hugetlb_free;
  found.unaccounted = found.total;
  for (Bytes Meminfo::*const counted : kCounted) {
    found.unaccounted = SaturatingSubtract(found.unaccounted, found.*counted);
  }
  return found;
}

}  // namespace governor
