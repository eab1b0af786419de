#include "governor/host/resident_set.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

namespace governor {
namespace {

std::string TreeWith(const std::string& statm) {
  const std::string root = ::testing::TempDir() + "/resident_set";
  std::filesystem::create_directories(root + "/proc/7");
  std::ofstream(root + "/proc/7/statm") << statm;
  return root;
}

TEST(ResidentSetTest, OfThisProcessGrowsWithWhatItTouches) {
  const std::optional<Bytes> before = ResidentSetOf(::getpid(), "/");
  std::vector<char> touched(MiB(64).count(), 1);
  const std::optional<Bytes> after = ResidentSetOf(::getpid(), "/");
  ASSERT_TRUE(before && after);
  EXPECT_GE(*after, *before + MiB(60)) << touched[MiB(32).count()];
}

TEST(ResidentSetTest, IsTheSecondNumberInPages) {
  const Bytes page(static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(ResidentSetOf(7, TreeWith("100 25 3 1 0 9 0\n")), page * 25);
}

TEST(ResidentSetTest, NobodyAndNonsenseHoldNothingKnown) {
  EXPECT_EQ(ResidentSetOf(8, TreeWith("1 1\n")), std::nullopt);
  EXPECT_EQ(ResidentSetOf(7, TreeWith("")), std::nullopt);
  EXPECT_EQ(ResidentSetOf(7, TreeWith("100")), std::nullopt);
  EXPECT_EQ(ResidentSetOf(7, TreeWith("100 -5 1")), std::nullopt);
  EXPECT_EQ(ResidentSetOf(7, TreeWith("1 18446744073709551615 1")),
            std::nullopt);
}

}  // namespace
}  // namespace governor
