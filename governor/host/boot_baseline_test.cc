#include "governor/host/boot_baseline.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

const BootBaseline kClean = {"boot-1", GiB(120), MiB(900)};

TEST(BootBaselineTest, TheFirstSightIsTheBaseline) {
  EXPECT_EQ(NextBaseline(std::nullopt, kClean), kClean);
}

TEST(BootBaselineTest, OnOneBootItOnlyFalls) {
  const BootBaseline more = {"boot-1", GiB(120), GiB(81)};
  EXPECT_EQ(NextBaseline(kClean, more), kClean);
  EXPECT_EQ(NextBaseline(more, kClean), kClean);
}

TEST(BootBaselineTest, ACleanBootReplacesIt) {
  const BootBaseline next = {"boot-2", GiB(120), MiB(1000)};
  EXPECT_EQ(NextBaseline(kClean, next), next);
}

// Memory that is gone already when a boot is first looked at stays missed.
TEST(BootBaselineTest, ABootThatIsNotCleanDoesNot) {
  const BootBaseline next = {"boot-2", GiB(120), GiB(81)};
  EXPECT_EQ(NextBaseline(kClean, next), kClean);
}

TEST(BootBaselineTest, AnotherMachineStartsAnew) {
  const BootBaseline other = {"boot-2", GiB(60), GiB(81)};
  EXPECT_EQ(NextBaseline(kClean, other), other);
}

TEST(BootBaselineTest, TextComesBack) {
  EXPECT_EQ(ParseBootBaseline(ToText(kClean)), kClean);
}

TEST(BootBaselineTest, HostileTextIsNoBaseline) {
  for (const std::string& text :
       {std::string(), std::string("boot 1"), std::string("boot 1 2 3"),
        std::string("boot -1 2"), std::string("../x 1 2"),
        std::string("boot 18446744073709551616 0"),
        std::string(65, 'x') + " 1 2", std::string("b\0t 1 2", 7)}) {
    EXPECT_EQ(ParseBootBaseline(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace governor
