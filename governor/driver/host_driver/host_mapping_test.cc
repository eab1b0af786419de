#include "governor/driver/host_driver/host_mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include "governor/driver/host_driver/register_rules.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(ParseHostMappingTest, ReadsALine) {
  const auto file = ParseHostMapping(
      "7f00a000-7f00c000 r-xp 00001000 fe:00 260131     /no/such/a file");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(*file, (HostMapping{.begin = 0x7f00a000,
                                .end = 0x7f00c000,
                                .readable = true,
                                .file = true}));
  EXPECT_EQ(ParseHostMapping("1000-2000 rw-s 00000000 00:01 7    /no/such"),
            (HostMapping{.begin = 0x1000,
                         .end = 0x2000,
                         .readable = true,
                         .writable = true,
                         .shared = true,
                         .file = true}));
  EXPECT_EQ(ParseHostMapping("1000-2000 ---p 00000000 00:00 0 "),
            (HostMapping{.begin = 0x1000, .end = 0x2000}));
  EXPECT_FALSE(ParseHostMapping("").has_value());
  EXPECT_FALSE(ParseHostMapping("x-y rw-p 0 00:00 0").has_value());
}

TEST(ParseHostMappingTest, TellsSharedMemoryFromFiles) {
  for (const char* line :
       {"1000-2000 rw-s 00000000 00:01 7 /memfd:name (deleted)",
        "1000-2000 rw-s 00000000 00:01 7 /dev/zero (deleted)",
        "1000-2000 rw-s 00000000 00:01 7 /SYSV00000000 (deleted)",
        "1000-2000 rw-s 00000000 00:18 7 /dev/shm/name"}) {
    const auto mapping = ParseHostMapping(line);
    ASSERT_TRUE(mapping.has_value()) << line;
    EXPECT_FALSE(mapping->file) << line;
  }
}

TEST(HostMappingsOfTest, FindsWhatTheRangeTouches) {
  const uint64_t page = sysconf(_SC_PAGESIZE);
  char* const region =
      static_cast<char*>(mmap(nullptr, 4 * page, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(region, MAP_FAILED);
  ASSERT_EQ(mprotect(region + page, page, PROT_READ), 0);
  const auto at = reinterpret_cast<uint64_t>(region);
  auto mappings = HostMappingsOf(at + page + 5, page);
  ASSERT_TRUE(mappings.has_value());
  ASSERT_EQ(mappings->size(), 2u);
  EXPECT_FALSE((*mappings)[0].writable);
  EXPECT_TRUE((*mappings)[1].writable);
  ASSERT_EQ(munmap(region + 3 * page, page), 0);
  EXPECT_FALSE(HostMappingsOf(at, 4 * page).has_value());
  EXPECT_TRUE(HostMappingsOf(at, 3 * page).has_value());
  munmap(region, 3 * page);
}

constexpr RegisterOutcome kSucceeds = RegisterOutcome::kSucceeds;
constexpr RegisterOutcome kCopies = RegisterOutcome::kCopies;
constexpr RegisterOutcome kRefuses = RegisterOutcome::kRefuses;
constexpr RegisterOutcome kHangs = RegisterOutcome::kHangs;

HostMapping Mapping(bool writable, bool shared, bool file) {
  return {
      .readable = true, .writable = writable, .shared = shared, .file = file};
}

// As measured, row by row: without the flag of read-only memory, and with it.
TEST(RegisterOutcomeTest, IsAsMeasuredOnTheH200) {
  const Personality h200 = PersonalityNamed("h200", GiB(8)).value();
  const auto expect = [&](HostMapping mapping, RegisterOutcome without,
                          RegisterOutcome with) {
    EXPECT_EQ(RegisterOutcomeOf(h200, mapping, false), without);
    EXPECT_EQ(RegisterOutcomeOf(h200, mapping, true), with);
  };
  expect(Mapping(false, true, true), kRefuses, kSucceeds);
  expect(Mapping(true, true, true), kRefuses, kSucceeds);
  expect(Mapping(false, false, true), kRefuses, kHangs);
  expect(Mapping(true, false, true), kCopies, kHangs);
  expect(Mapping(true, false, false), kSucceeds, kSucceeds);
  // Documented: the flag is for what the CPU may not write.
  expect(Mapping(false, false, false), kRefuses, kSucceeds);
  expect({}, kRefuses, kRefuses);
}

TEST(RegisterOutcomeTest, LocksNothingWithTheHostsPageTables) {
  const Personality gb10 = PersonalityNamed("gb10", GiB(8)).value();
  for (const bool shared : {false, true}) {
    for (const bool writable : {false, true}) {
      EXPECT_EQ(RegisterOutcomeOf(gb10, Mapping(writable, shared, true), false),
                kSucceeds);
    }
  }
  EXPECT_EQ(RegisterOutcomeOf(gb10, {}, false), kRefuses);
}

}  // namespace
}  // namespace governor
