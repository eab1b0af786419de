#include "governor/budget/announcements.h"

#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "gtest/gtest.h"

namespace governor {
namespace {

absl::Time At(int seconds) {
  return absl::UnixEpoch() + absl::Seconds(seconds);
}

TEST(AnnouncementsTest, NothingIsAnnouncedWhileNothingIsUnderWay) {
  Announcements all;
  EXPECT_FALSE(all.Strictest().has_value());
  { const Announcements::Scope one(all, {Bytes(5), At(1)}); }
  EXPECT_FALSE(all.Strictest().has_value());
}

TEST(AnnouncementsTest, OfSeveralTheLowestTargetCountsWhateverTheOrder) {
  Announcements all;
  const Announcements::Scope high(all, {Bytes(50), At(1)});
  std::optional<Announcements::Scope> low;
  low.emplace(all, Budget::Announcement{Bytes(10), At(3)});
  const Announcements::Scope middle(all, {Bytes(20), At(2)});
  EXPECT_EQ(all.Strictest()->target, Bytes(10));
  EXPECT_EQ(all.Strictest()->deadline, At(3));
  // One in the middle ends.
  low.reset();
  EXPECT_EQ(all.Strictest()->target, Bytes(20));
  EXPECT_EQ(all.Strictest()->deadline, At(2));
}

TEST(AnnouncementsTest, TwoThatAreAlikeEndOneByOne) {
  Announcements all;
  const Announcements::Scope first(all, {Bytes(5), At(1)});
  { const Announcements::Scope second(all, {Bytes(5), At(1)}); }
  EXPECT_EQ(all.Strictest()->target, Bytes(5));
}

TEST(AnnouncementsTest, AnExceptionEndsOne) {
  Announcements all;
  try {
    const Announcements::Scope one(all, {Bytes(5), At(1)});
    throw 7;
  } catch (int) {
  }
  EXPECT_FALSE(all.Strictest().has_value());
}

TEST(AnnouncementsTest, AForkedChildHasNoShrinkUnderWay) {
  Announcements all;
  std::optional<Announcements::Scope> one;
  one.emplace(all, Budget::Announcement{Bytes(5), At(1)});
  const pid_t child = fork();
  if (child == 0) {
    const bool none = !all.Strictest().has_value();
    one.reset();
    _exit(none ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(all.Strictest().has_value());
}

}  // namespace
}  // namespace governor
