#include "governor/host/meminfo_parser.h"

#include <optional>
#include <string>

#include "absl/strings/str_replace.h"
#include "governor/host/unaccounted_memory.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

std::optional<HostSnapshot::Meminfo> Parse(const std::string& text,
                                           std::string* why = nullptr) {
  MeminfoParser parser;
  if (!AddText(text, parser)) return std::nullopt;
  std::string problem;
  auto found = parser.Finish(problem);
  EXPECT_EQ(found.has_value(), problem.empty());
  if (why != nullptr) *why = problem;
  return found;
}

const char kText[] =
    "MemTotal:       24684096 kB\nMemFree:        20000000 kB\n"
    "MemAvailable:   24000000 kB\nBuffers:            7292 kB\n"
    "Cached:          2488520 kB\nSwapCached:           11 kB\n"
    "Active:           119268 kB\nInactive:         377000 kB\n"
    "Active(anon):       1552 kB\nInactive(anon):     7692 kB\n"
    "Active(file):     117716 kB\n"
    "Inactive(file):   369308 kB\nUnevictable:       18224 kB\n"
    "Mlocked:           17344 kB\nSwapTotal:        100000 kB\n"
    "SwapFree:          90000 kB\nZswap:                12 kB\n"
    "Dirty:               420 kB\nWriteback:            13 kB\n"
    "AnonPages:         19060 kB\nShmem:              8788 kB\n"
    "KReclaimable:     482064 kB\nSlab:             549576 kB\n"
    "SReclaimable:     482065 kB\nKernelStack:        1472 kB\n"
    "PageTables:         1712 kB\nSecPageTables:        14 kB\n"
    "Bounce:               15 kB\nWritebackTmp:         99 kB\n"
    "CommitLimit:    12342048 kB\nCommitted_AS:      67852 kB\n"
    "Percpu:              832 kB\nAnonHugePages:        16 kB\n"
    "CmaTotal:             18 kB\nCmaFree:              17 kB\n"
    "HugePages_Total:       8\nHugePages_Free:        5\n"
    "Hugepagesize:       2048 kB\nHugetlb:           16384 kB\n";

TEST(MeminfoParserTest, ReadsEachLine) {
  const auto found = Parse(kText);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->total, KiB(24684096));
  EXPECT_EQ(found->free, KiB(20000000));
  EXPECT_EQ(found->available, KiB(24000000));
  EXPECT_EQ(found->buffers, KiB(7292));
  EXPECT_EQ(found->cached, KiB(2488520));
  EXPECT_EQ(found->swap_cached, KiB(11));
  EXPECT_EQ(found->active_anonymous, KiB(1552));
  EXPECT_EQ(found->inactive_anonymous, KiB(7692));
  EXPECT_EQ(found->active_file, KiB(117716));
  EXPECT_EQ(found->inactive_file, KiB(369308));
  EXPECT_EQ(found->unevictable, KiB(18224));
  EXPECT_EQ(found->mlocked, KiB(17344));
  EXPECT_EQ(found->swap_total, KiB(100000));
  EXPECT_EQ(found->swap_free, KiB(90000));
  EXPECT_EQ(found->zswap, KiB(12));
  EXPECT_EQ(found->dirty, KiB(420));
  EXPECT_EQ(found->writeback, KiB(13));
  EXPECT_EQ(found->anonymous, KiB(19060));
  EXPECT_EQ(found->shmem, KiB(8788));
  EXPECT_EQ(found->kernel_reclaimable, KiB(482064));
  EXPECT_EQ(found->slab, KiB(549576));
  EXPECT_EQ(found->slab_reclaimable, KiB(482065));
  EXPECT_EQ(found->kernel_stack, KiB(1472));
  EXPECT_EQ(found->page_tables, KiB(1712));
  EXPECT_EQ(found->secondary_page_tables, KiB(14));
  EXPECT_EQ(found->bounce, KiB(15));
  EXPECT_EQ(found->commit_limit, KiB(12342048));
  EXPECT_EQ(found->committed, KiB(67852));
  EXPECT_EQ(found->per_cpu, KiB(832));
  EXPECT_EQ(found->anonymous_huge, KiB(16));
  EXPECT_EQ(found->cma_total, KiB(18));
  EXPECT_EQ(found->cma_free, KiB(17));
  EXPECT_EQ(found->hugetlb, MiB(16));
  EXPECT_EQ(found->hugetlb_free, MiB(10));
  EXPECT_EQ(found->unaccounted, UnaccountedMemory(kText));
}

TEST(MeminfoParserTest, OrderDoesNotMatter) {
  std::string reversed;
  std::string text = kText;
  while (!text.empty()) {
    const size_t line = text.find('\n') + 1;
    reversed = text.substr(0, line) + reversed;
    text.erase(0, line);
  }
  const auto found = Parse(reversed);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->available, KiB(24000000));
  EXPECT_EQ(found->hugetlb_free, MiB(10));
}

TEST(MeminfoParserTest, FiveLinesMustBeThere) {
  for (const std::string line :
       {"MemTotal:", "MemFree:", "MemAvailable:", "Dirty:", "Writeback:"}) {
    std::string why;
    EXPECT_FALSE(
        Parse(absl::StrReplaceAll(
                  kText,
                  {{"\n" + line, "\nNo" + line},
                   {"MemTotal", line == "MemTotal:" ? "NoTotal" : "MemTotal"}}),
              &why))
        << line;
    EXPECT_EQ(why, "no line " + line);
  }
  const auto least = Parse(
      "MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable: 2 kB\nDirty: 3 kB\n"
      "Writeback: 4 kB\n");
  ASSERT_TRUE(least.has_value());
  EXPECT_EQ(least->cma_free, Bytes(0));
}

TEST(MeminfoParserTest, ALineThatIsNoSizeMakesAllUnbelievable) {
  for (const char* const line :
       {"CmaFree: -17 kB", "CmaFree:  kB", "CmaFree:", "CmaFree: 17",
        "CmaFree: 17 MB", "CmaFree: 17 kB ", "CmaFree: 0x17 kB",
        "CmaFree: 17.0 kB", "CmaFree: +17 kB", "CmaFree: 1 7 kB",
        // 2^64 bytes and more.
        "CmaFree: 18014398509481984 kB", "CmaFree: 18446744073709551616 kB",
        "CmaFree: 99999999999999999999999999 kB"}) {
    std::string why;
    EXPECT_FALSE(Parse(
        absl::StrReplaceAll(kText, {{"CmaFree:              17 kB", line}}),
        &why))
        << line;
    EXPECT_EQ(why, "no size in line CmaFree:") << line;
  }
}

TEST(MeminfoParserTest, HugePagesDoNotWrap) {
  EXPECT_FALSE(Parse(absl::StrReplaceAll(
      kText,
      {{"HugePages_Free:        5", "HugePages_Free:  9000000000000"}})));
}

TEST(MeminfoParserTest, ACutTextIsNotBelieved) {
  const std::string text = kText;
  for (size_t length = 0; length != text.size(); ++length) {
    const auto found = Parse(text.substr(0, length));
    if (found) {
      EXPECT_EQ(text[length - 1], '\n');
    }
  }
}

}  // namespace
}  // namespace governor
