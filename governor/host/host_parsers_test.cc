// The parsers of what is short: pressure, vmstat, zoneinfo, buddyinfo, swaps
// and cgroups.
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "governor/host/buddyinfo_parser.h"
#include "governor/host/cgroup_parsers.h"
#include "governor/host/stall_parser.h"
#include "governor/host/swaps_parser.h"
#include "governor/host/vmstat_parser.h"
#include "governor/host/zoneinfo_parser.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

template <typename Parser>
auto Parse(Parser parser, const std::string& text)
    -> decltype(parser.Finish(std::declval<std::string&>())) {
  if (!AddText(text, parser)) return std::nullopt;
  std::string problem;
  auto found = parser.Finish(problem);
  EXPECT_EQ(found.has_value(), problem.empty()) << text;
  return found;
}

// ---- Pressure ----

TEST(StallParserTest, ReadsTotalsInMicroseconds) {
  const auto found =
      Parse(StallParser(),
            "some avg10=5.00 avg60=1.00 avg300=0.10 total=21311819\n"
            "full avg10=0.50 avg60=0.00 avg300=0.00 total=7236311\n");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->some, absl::Microseconds(21311819));
  EXPECT_EQ(found->full, absl::Microseconds(7236311));
}

// AT-45: an average of 5.00 is 5 percent, and says nothing here.
TEST(StallParserTest, At45AveragesAreNotRead) {
  const std::string rest = " total=10\nfull avg10=0.00 total=4\n";
  for (const char* const averages :
       {"avg10=0.00", "avg10=5.00", "avg10=0.05", "avg10=100.00 avg60=x", ""}) {
    const auto found =
        Parse(StallParser(), absl::StrCat("some ", averages, rest));
    ASSERT_TRUE(found.has_value()) << averages;
    EXPECT_EQ(found->some, absl::Microseconds(10));
    EXPECT_EQ(found->full, absl::Microseconds(4));
  }
}

TEST(StallParserTest, AnotherUnitOrFractionIsNotMisread) {
  const std::string full = "full avg10=0.00 total=4\n";
  ASSERT_TRUE(Parse(StallParser(), "some avg10=0.00 total=7\n" + full));
  for (const char* const total :
       {"total=0.5", "total=7us", "total=7 us", "total=7ms", "total=", "total",
        "total=-7", "total= 7", "total=7 ", "total=18446744073709551615",
        "total=18446744073709551616", "sum=7", "total=7 avg10=1.00"}) {
    EXPECT_FALSE(Parse(StallParser(),
                       absl::StrCat("some avg10=0.00 ", total, "\n", full)))
        << total;
  }
  EXPECT_FALSE(Parse(StallParser(), full));
  EXPECT_FALSE(Parse(StallParser(), "some avg10=0.00 total=7\n"));
}

// ---- vmstat ----

const char kVmstat[] =
    "nr_free_pages 1\nworkingset_refault_anon 2\nworkingset_refault_file 3\n"
    "nr_foll_pin_acquired 10\nnr_foll_pin_released 6\npswpin 5\npswpout 6\n"
    "allocstall_dma32 1\nallocstall_normal 20\nallocstall_movable 300\n"
    "pgmajfault 8\npgsteal_kswapd 70\npgsteal_direct 9\npgscan_kswapd 71\n"
    "pgscan_direct 11\npgscan_direct_throttle 72\noom_kill 12\n"
    "compact_fail 13\n";

TEST(VmstatParserTest, ReadsEachLine) {
  const auto found = Parse(VmstatParser(KiB(64)), kVmstat);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->refaulted_anonymous, 2u);
  EXPECT_EQ(found->refaulted_file, 3u);
  EXPECT_EQ(found->pinned, 4u);
  EXPECT_EQ(found->swapped_in, 5u);
  EXPECT_EQ(found->swapped_out, 6u);
  EXPECT_EQ(found->reclaim_stalls, 321u);
  EXPECT_EQ(found->major_faults, 8u);
  EXPECT_EQ(found->stolen_direct, 9u);
  EXPECT_EQ(found->scanned_direct, 11u);
  EXPECT_EQ(found->killed, 12u);
  EXPECT_EQ(found->compaction_failures, 13u);
  EXPECT_EQ(found->page_size, KiB(64));
}

TEST(VmstatParserTest, IsDoneOnceItHasAll) {
  VmstatParser parser(KiB(4));
  EXPECT_TRUE(AddText(kVmstat, parser));
  EXPECT_TRUE(parser.done());
  VmstatParser early(KiB(4));
  EXPECT_TRUE(AddText("pswpin 5\n", early));
  EXPECT_FALSE(early.done());
}

TEST(VmstatParserTest, OlderKernelsCountRefaultsTogether) {
  const auto found =
      Parse(VmstatParser(KiB(4)),
            absl::StrReplaceAll(kVmstat, {{"workingset_refault_anon 2\n", ""},
                                          {"_refault_file", "_refault"}}));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->refaulted_anonymous, 0u);
  EXPECT_EQ(found->refaulted_file, 3u);
}

TEST(VmstatParserTest, PinsOfTwoMomentsAreNone) {
  EXPECT_EQ(Parse(VmstatParser(KiB(4)),
                  absl::StrReplaceAll(kVmstat, {{"acquired 10", "acquired 5"}}))
                ->pinned,
            0u);
}

TEST(VmstatParserTest, IsNotBelievedWithout) {
  for (const char* const line : {"pswpin 5\n", "pswpout 6\n", "pgmajfault 8\n",
                                 "pgsteal_direct 9\n", "pgscan_direct 11\n"}) {
    EXPECT_FALSE(
        Parse(VmstatParser(KiB(4)), absl::StrReplaceAll(kVmstat, {{line, ""}})))
        << line;
  }
  // The throttled ones are no scans.
  for (const auto& [line, wrong] :
       {std::pair{"pswpin 5", "pswpin -5"},
        {"pswpin 5", "pswpin "},
        {"pswpin 5", "pswpin 5 kB"},
        {"oom_kill 12", "oom_kill 18446744073709551616"},
        {"allocstall_normal 20", "allocstall_normal 18446744073709551615"},
        {"allocstall_normal 20", "allocstall_normal"},
        {"allocstall_normal 20", "allocstall_normal x"}}) {
    EXPECT_FALSE(Parse(VmstatParser(KiB(4)),
                       absl::StrReplaceAll(kVmstat, {{line, wrong}})))
        << wrong;
  }
}

// ---- zoneinfo ----

const char kZoneinfo[] =
    "Node 0, zone      DMA\n  per-node stats\n      nr_dirty     5\n"
    "  pages free     3840\n        boost    0\n        min      10\n"
    "        low      13\n        high     16\n        spanned  4095\n"
    "        protection: (0, 3019)\n      nr_free_pages 3840\n  pagesets\n"
    "    cpu: 0\n              count:    7\n              high:     900\n"
    "              high_min: 6\n  vm stats threshold: 4\n    cpu: 1\n"
    "              count:    8\n              high:     900\n"
    "  node_unreclaimable:  0\n"
    "Node 0, zone  Movable\n  pages free     100\n        min      1\n"
    "        low      2\n        high     3\n"
    "Node 1, zone  Movable\n  pages free     50\n        min      1\n"
    "        low      4\n        high     5\n  pagesets\n    cpu: 0\n"
    "              count:    20\n";

TEST(ZoneinfoParserTest, SumsNodesZonesAndCpus) {
  for (const Bytes page : {KiB(4), KiB(64)}) {
    const auto found = Parse(ZoneinfoParser(page), kZoneinfo);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->movable_free, page * 150);
    EXPECT_EQ(found->per_cpu, page * 35);
    EXPECT_EQ(found->low_watermarks, page * 19);
    EXPECT_EQ(found->high_watermarks, page * 24);
  }
}

TEST(ZoneinfoParserTest, IsNotBelievedWhen) {
  for (const auto& [line, wrong] :
       {std::pair{"  pages free     3840\n", ""},
        {"        low      13\n", ""},
        {"        high     5\n", ""},
        {"  pages free     3840\n", "  pages free     1\n  pages free     2\n"},
        {"count:    7", "count:    -7"},
        {"count:    7", "count:    18446744073709551615"},
        {"low      13", "low      4503599627370496"},
        {"low      13", "low      13 kB"},
        {"free     100", "free     18446744073709551616"}}) {
    EXPECT_FALSE(Parse(ZoneinfoParser(KiB(4)),
                       absl::StrReplaceAll(kZoneinfo, {{line, wrong}})))
        << wrong;
  }
  EXPECT_FALSE(Parse(ZoneinfoParser(KiB(4)), "  pages free     3840\n"));
}

// ---- buddyinfo ----

TEST(BuddyinfoParserTest, PiecesOf2MiBDependOnThePageSize) {
  const std::string text =
      "Node 0, zone      DMA      1      0      0      0      0      0      0"
      "      0      0      1      3 \n"
      "Node 0, zone   Normal      7      0      0      0      0      2      0"
      "      0      0      5      0 \n"
      "Node 1, zone  Movable      9      0      0      0      0      9      0"
      "      0      0      9      9 \n";
  auto found = Parse(BuddyinfoParser(KiB(4)), text);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->huge_free, MiB(2) * 6 + MiB(4) * 3);
  EXPECT_EQ(found->free, found->huge_free + KiB(4) * 8 + KiB(128) * 2);
  found = Parse(BuddyinfoParser(KiB(64)), text);
  EXPECT_EQ(found->huge_free, MiB(2) * 2 + MiB(32) * 6 + MiB(64) * 3);
  EXPECT_EQ(found->free, found->huge_free + KiB(64) * 8);
}

TEST(BuddyinfoParserTest, AKernelMayHaveFewerOrMoreOrders) {
  auto found = Parse(BuddyinfoParser(KiB(4)), "Node 0, zone Normal 1 2 3\n");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->huge_free, Bytes(0));
  EXPECT_EQ(found->free, KiB(4 + 16 + 48));
  found = Parse(BuddyinfoParser(KiB(64)),
                "Node 0, zone Normal 0 0 0 0 0 0 0 0 0 0 0 0 0 2 \n");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->huge_free, MiB(512) * 2);
}

TEST(BuddyinfoParserTest, IsNotBelievedWhen) {
  std::string many = "Node 0, zone Normal";
  for (int order = 0; order != 41; ++order) many += " 0";
  for (const std::string& text :
       {std::string("\n"), std::string("Node 0, zone Normal\n"),
        std::string("Node 0, zone Normal  \n"), std::string("zone Normal 1\n"),
        std::string("Node 0, zone Normal 1 -2 3\n"),
        std::string("Node 0, zone Normal 1 2x 3\n"),
        std::string("Node 0, zone Normal 0 18446744073709551615 0\n"),
        std::string("Node 0, zone Normal 4503599627370495 1\n"),
        std::string("Node 0, zone Normal 1\nmore\n"), many + "\n"}) {
    EXPECT_FALSE(Parse(BuddyinfoParser(KiB(4)), text)) << text;
  }
}

// ---- swaps ----

const char kHeader[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

TEST(SwapsParserTest, TheHeaderAloneIsNoSwap) {
  const auto found = Parse(SwapsParser(), kHeader);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->devices, 0);
  EXPECT_EQ(found->size, Bytes(0));
}

TEST(SwapsParserTest, SumsDevicesAndKnowsCompressedMemory) {
  const std::string file =
      "/swap\\040file\\040(deleted)     file\t\t1048572\t\t512\t\t-2\n";
  auto found = Parse(SwapsParser(), kHeader + file);
  ASSERT_TRUE(found.has_value());
  EXPECT_FALSE(found->compressed_memory);
  found = Parse(SwapsParser(),
                kHeader + file + "/dev/zram0    partition\t100\t\t50\t\t100\n");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->devices, 2);
  EXPECT_EQ(found->size, KiB(1048672));
  EXPECT_EQ(found->used, KiB(562));
  EXPECT_TRUE(found->compressed_memory);
}

TEST(SwapsParserTest, IsNotBelievedWhen) {
  for (const char* const line :
       {"/dev/sda2 partition 10 11 -2\n", "/dev/sda2 partition 10 5\n",
        "/dev/sda2 partition 10 5 -2 7\n", "/dev/sda2 partition -10 5 -2\n",
        "/dev/sda2 partition 18014398509481984 5 -2\n", "\n",
        "/dev/a b 18014398509481983 0 1\n/dev/b b 18014398509481983 0 1\n"}) {
    EXPECT_FALSE(Parse(SwapsParser(), absl::StrCat(kHeader, line))) << line;
  }
  EXPECT_FALSE(Parse(SwapsParser(), "/dev/sda2 partition 10 5 -2\n"));
}

// ---- cgroups ----

TEST(CgroupSizeParserTest, NoLimitIsMaxOrTheLargestOfVersion1) {
  for (const char* const text :
       {"max\n", "9223372036854771712\n", "9223372036854710272\n"}) {
    const auto found = Parse(CgroupSizeParser(), text);
    ASSERT_TRUE(found.has_value()) << text;
    EXPECT_FALSE(found->size.has_value()) << text;
  }
  EXPECT_EQ(Parse(CgroupSizeParser(), "4096\n")->size, Bytes(4096));
  EXPECT_EQ(Parse(CgroupSizeParser(), "0\n")->size, Bytes(0));
  for (const char* const text : {"-1\n", "\n", "maximum\n", "4096 kB\n",
                                 "1\n2\n", "max\nmax\n", "4K\n"}) {
    EXPECT_FALSE(Parse(CgroupSizeParser(), text)) << text;
  }
}

TEST(CgroupStatParserTest, ReadsTheLineOfItsVersion) {
  const std::string text = "inactive_file 7\ntotal_inactive_file 9\n";
  EXPECT_EQ(Parse(CgroupStatParser(1), text), Bytes(9));
  EXPECT_EQ(Parse(CgroupStatParser(2), text), Bytes(7));
  EXPECT_FALSE(Parse(CgroupStatParser(1), "inactive_file 7\n"));
  EXPECT_FALSE(Parse(CgroupStatParser(2), "inactive_file x\n"));
}

TEST(CgroupMembershipParserTest, Version1ComesFirstWhereItHasMemory) {
  auto found = Parse(CgroupMembershipParser(), "4:memory:/a\n0::/b\n");
  EXPECT_EQ(found->version, 1);
  EXPECT_EQ(found->path, "/a");
  found = Parse(CgroupMembershipParser(), "4:cpu,memory,x:/a:b/c\n");
  EXPECT_EQ(found->version, 1);
  EXPECT_EQ(found->path, "/a:b/c");
  found = Parse(CgroupMembershipParser(), "4:cpu:/a\n0::/\n");
  EXPECT_EQ(found->version, 2);
  EXPECT_EQ(found->path, "/");
  EXPECT_EQ(Parse(CgroupMembershipParser(), "1:name=systemd:/a\n")->version, 0);
}

TEST(CgroupMembershipParserTest, NoOtherFolderCanBeMeant) {
  for (const char* const path : {"/..", "/a/../b", "/a/.", "a", "", "/a b",
                                 "//a", "/a/", "/a\tb", "/a\x01"}) {
    EXPECT_FALSE(
        Parse(CgroupMembershipParser(), absl::StrCat("0::", path, "\n")))
        << path;
  }
  EXPECT_TRUE(Parse(CgroupMembershipParser(), "0::/a..b/...c\n").has_value());
  EXPECT_FALSE(Parse(CgroupMembershipParser(), "nonsense\n"));
}

}  // namespace
}  // namespace governor
