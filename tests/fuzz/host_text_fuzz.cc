// Any text as each of the kernel's: two bytes choose the page size and the
// version of cgroups, the rest is the text.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/host/buddyinfo_parser.h"
#include "governor/host/cgroup_parsers.h"
#include "governor/host/fast_sample.h"
#include "governor/host/meminfo_parser.h"
#include "governor/host/stall_parser.h"
#include "governor/host/swaps_parser.h"
#include "governor/host/vmstat_parser.h"
#include "governor/host/zoneinfo_parser.h"
#include "tests/fuzz/require.h"

namespace governor {
namespace {

// nullopt: not believed, and then with a reason that quotes nothing.
template <typename Parser>
auto Parse(absl::string_view text, Parser parser)
    -> decltype(parser.Finish(std::declval<std::string&>())) {
  if (!AddText(text, parser)) return std::nullopt;
  std::string problem;
  auto value = parser.Finish(problem);
  Require(value.has_value() == problem.empty());
  Require(problem.size() < 100);
  for (const char c : problem) Require(absl::ascii_isprint(c));
  return value;
}

void CheckMemory(absl::string_view text) {
  const auto meminfo = Parse(text, MeminfoParser());
  FastMemory fast = {};
  const bool is_fast = ReadMemory(text.data(), text.size(), &fast);
  if (meminfo) {
    Require(meminfo->free <= meminfo->total);
    Require(meminfo->available <= meminfo->total);
    Require(meminfo->unaccounted <= meminfo->total);
    // What the long form believes the short one does, and reads the same.
    Require(is_fast && Bytes(fast.total) == meminfo->total &&
            Bytes(fast.free) == meminfo->free &&
            Bytes(fast.available) == meminfo->available &&
            Bytes(fast.dirty) == meminfo->dirty &&
            Bytes(fast.writeback) == meminfo->writeback &&
            Bytes(fast.cma_free) == meminfo->cma_free);
  }
}

void CheckStall(absl::string_view text) {
  const auto stall = Parse(text, StallParser());
  FastStall fast = {};
  const bool is_fast = ReadStall(text.data(), text.size(), &fast);
  if (!stall) return;
  Require(is_fast && absl::StrContains(text, "total="));
  Require(stall->some >= absl::ZeroDuration());
  Require(absl::Microseconds(static_cast<int64_t>(fast.some_us)) ==
          stall->some);
  Require(absl::Microseconds(static_cast<int64_t>(fast.full_us)) ==
          stall->full);
}

void CheckPages(absl::string_view text, Bytes page_size) {
  if (const auto vmstat = Parse(text, VmstatParser(page_size))) {
    Require(vmstat->page_size == page_size);
  }
  if (const auto zones = Parse(text, ZoneinfoParser(page_size))) {
    Require(zones->movable_free.IsMultipleOf(page_size));
    Require(zones->per_cpu.IsMultipleOf(page_size));
    Require(zones->low_watermarks.IsMultipleOf(page_size));
  }
  if (const auto contiguity = Parse(text, BuddyinfoParser(page_size))) {
    Require(contiguity->huge_free <= contiguity->free);
    Require(contiguity->huge_free.IsMultipleOf(MiB(2)));
    Require(contiguity->free.IsMultipleOf(page_size));
  }
  if (const auto swaps = Parse(text, SwapsParser())) {
    Require(swaps->used <= swaps->size);
    Require(swaps->devices > 0 || swaps->size.is_zero());
    Require(swaps->devices > 0 || !swaps->compressed_memory);
  }
}

void CheckCgroup(absl::string_view text, int version) {
  if (const auto size = Parse(text, CgroupSizeParser())) {
    Require(!size->size || *size->size < Bytes(uint64_t{1} << 62));
  }
  Parse(text, CgroupStatParser(version));
  if (const auto member = Parse(text, CgroupMembershipParser())) {
    Require(member->version >= 0 && member->version <= 2);
    Require((member->version == 0) == member->path.empty());
    if (member->version != 0) {
      const std::string path = member->path + "/";
      Require(path[0] == '/' && !absl::StrContains(path, "/../") &&
              !absl::StrContains(path, "/./"));
      for (const char c : path) Require(absl::ascii_isgraph(c));
    }
  }
}

}  // namespace
}  // namespace governor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace governor;
  if (size < 2) return 0;
  const Bytes page_size = KiB(uint64_t{4} << (data[0] % 5));
  const int version = 1 + data[1] % 2;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 2,
                               size - 2);
  CheckMemory(text);
  CheckStall(text);
  CheckPages(text, page_size);
  CheckCgroup(text, version);
  return 0;
}
