#include "governor/host/unaccounted_memory.h"

#include "governor/base/meminfo_line.h"

namespace governor {
namespace {

constexpr absl::string_view kCounted[] = {
    "MemFree",       "Buffers", "Cached",      "SwapCached",
    "AnonPages",     "Slab",    "KernelStack", "PageTables",
    "SecPageTables", "Percpu",  "Bounce",      "Hugetlb"};

}  // namespace

std::optional<Bytes> UnaccountedMemory(absl::string_view meminfo) {
  std::optional<Bytes> rest = ParseMeminfo(meminfo, "MemTotal");
  if (!rest || !ParseMeminfo(meminfo, "MemFree")) return std::nullopt;
  for (const absl::string_view name : kCounted) {
    rest = SaturatingSubtract(*rest,
                              ParseMeminfo(meminfo, name).value_or(Bytes()));
  }
  return rest;
}

}  // namespace governor
