// The memory cgroups, through the sampler that reads them.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "governor/base/fake_clock.h"
#include "governor/host/host_sampler.h"
#include "governor/host/host_tree.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using Kind = HostSnapshot::Fault::Kind;

constexpr char kLimit[] = "sys/fs/cgroup/box/memory.max";
constexpr char kUsed[] = "sys/fs/cgroup/box/memory.current";
constexpr char kStat[] = "sys/fs/cgroup/box/memory.stat";

// A limit of 4 GiB, and room of 3 GiB and 1 MiB.
HostFigures Limited() {
  HostFigures host;
  host.cgroup_limit = GiB(4);
  host.cgroup_used = GiB(1);
  host.cgroup_inactive_file = MiB(1);
  return host;
}

Bytes Room(const HostSnapshot::Cgroup& group) {
  return SaturatingSubtract(
      group.limit, SaturatingSubtract(group.used, group.inactive_file));
}

class CgroupMemoryTest : public testing::Test {
 protected:
  ~CgroupMemoryTest() override { std::filesystem::remove_all(tree_.root()); }

  std::unique_ptr<HostSampler> Open() {
    return HostSampler::Open(tree_.root(), clock_).value();
  }
  // Not by the rights of a file: a test that runs as root reads it anyway.
  void MakeUnreadable(const std::string& path) {
    tree_.Remove(path);
    std::filesystem::create_directory(tree_.root() + "/" + path);
  }
  void ExpectFault(const HostSnapshot& now, const std::string& source) {
    ASSERT_EQ(now.faults.size(), 1u);
    EXPECT_EQ(now.faults[0].kind, Kind::kUnreadable);
    EXPECT_EQ(now.faults[0].source, source);
  }

  HostTree tree_{
      testing::TempDir() + "/cgroup" +
          testing::UnitTest::GetInstance()->current_test_info()->name(),
      Limited()};
  FakeClock clock_;
};

TEST_F(CgroupMemoryTest, TheSmallestLimitDoesNotDependOnWhoHasTheLeastRoom) {
  tree_.Write("proc/self/cgroup", "0::/box/in\n");
  tree_.Write("sys/fs/cgroup/box/in/memory.max", "1073741824\n");
  tree_.Write("sys/fs/cgroup/box/in/memory.current", "4096\n");
  tree_.Write("sys/fs/cgroup/box/in/memory.stat", "inactive_file 0\n");
  const auto sampler = Open();
  HostSnapshot now = sampler->Take(SampleDepth::kFast);
  EXPECT_EQ(now.cgroup->path, "/box/in");
  EXPECT_EQ(now.cgroup->smallest_limit, GiB(1));
  // Its neighbours fill the group above.
  tree_.Change([](HostFigures& host) { host.cgroup_used = GiB(4) - MiB(1); });
  tree_.Write("proc/self/cgroup", "0::/box/in\n");
  now = sampler->Take(SampleDepth::kFast);
  EXPECT_EQ(now.cgroup->path, "/box");
  EXPECT_EQ(now.cgroup->limit, GiB(4));
  EXPECT_EQ(now.cgroup->smallest_limit, GiB(1));
  // And where its file cannot be read any more.
  MakeUnreadable("sys/fs/cgroup/box/in/memory.max");
  now = sampler->Take(SampleDepth::kFast);
  EXPECT_EQ(now.cgroup->smallest_limit, GiB(1));
}

TEST_F(CgroupMemoryTest, WithoutItsUseTheRoomOfTheLastReadingCounts) {
  const auto sampler = Open();
  ASSERT_EQ(Room(*sampler->Take(SampleDepth::kFast).cgroup), GiB(3) + MiB(1));
  MakeUnreadable(kUsed);
  // Not only once.
  for (int reading = 0; reading != 3; ++reading) {
    const HostSnapshot now = sampler->Take(SampleDepth::kFast);
    ExpectFault(now, kUsed);
    ASSERT_TRUE(now.cgroup.has_value());
    EXPECT_EQ(Room(*now.cgroup), GiB(3) + MiB(1));
    EXPECT_EQ(now.cgroup->inactive_file, Bytes());
    EXPECT_EQ(now.cgroup->limit, GiB(4));
    EXPECT_EQ(now.cgroup->path, "/box");
  }
}

// What the limit does meanwhile may take room, and never makes any.
TEST_F(CgroupMemoryTest, WithoutItsUseALimitMakesNoRoom) {
  const auto sampler = Open();
  MakeUnreadable(kUsed);
  tree_.Write(kLimit, "8589934592\n");
  HostSnapshot now = sampler->Take(SampleDepth::kFast);
  EXPECT_EQ(now.cgroup->limit, GiB(8));
  EXPECT_EQ(Room(*now.cgroup), GiB(3) + MiB(1));
  tree_.Write(kLimit, "2147483648\n");
  now = sampler->Take(SampleDepth::kFast);
  EXPECT_EQ(Room(*now.cgroup), GiB(1) + MiB(1));
}

TEST_F(CgroupMemoryTest, WithoutItsLimitTheLastCountsWithWhatIsUsedNow) {
  const auto sampler = Open();
  MakeUnreadable(kLimit);
  tree_.Write(kUsed, "2147483648\n");
  const HostSnapshot now = sampler->Take(SampleDepth::kFast);
  ExpectFault(now, kLimit);
  ASSERT_TRUE(now.cgroup.has_value());
  EXPECT_EQ(now.cgroup->limit, GiB(4));
  EXPECT_EQ(now.cgroup->smallest_limit, GiB(4));
  EXPECT_EQ(now.cgroup->used, GiB(2));
}

TEST_F(CgroupMemoryTest, ALimitThatWasTakenAwayIsForgotten) {
  const auto sampler = Open();
  ASSERT_TRUE(sampler->Take(SampleDepth::kFast).cgroup.has_value());
  tree_.Write(kLimit, "max\n");
  EXPECT_FALSE(sampler->Take(SampleDepth::kFast).cgroup.has_value());
  MakeUnreadable(kLimit);
  EXPECT_FALSE(sampler->Take(SampleDepth::kFast).cgroup.has_value());
}

TEST_F(CgroupMemoryTest, AUseThatWasNeverReadIsAllThatItMay) {
  MakeUnreadable(kUsed);
  const HostSnapshot now = Open()->Take(SampleDepth::kFast);
  ExpectFault(now, kUsed);
  ASSERT_TRUE(now.cgroup.has_value());
  EXPECT_EQ(Room(*now.cgroup), Bytes());
  EXPECT_EQ(now.cgroup->smallest_limit, GiB(4));
}

TEST_F(CgroupMemoryTest, ALimitThatWasNeverReadIsNone) {
  MakeUnreadable(kLimit);
  const HostSnapshot now = Open()->Take(SampleDepth::kFast);
  ExpectFault(now, kLimit);
  EXPECT_FALSE(now.cgroup.has_value());
}

TEST_F(CgroupMemoryTest, WithoutItsFilePagesTheRoomIsSmaller) {
  const auto sampler = Open();
  MakeUnreadable(kStat);
  EXPECT_EQ(Room(*sampler->Take(SampleDepth::kFast).cgroup), GiB(3));
}

// A daemon closes what it does not know and writes a file of its number, which
// gets the descriptor of a group's: as good a limit as any by its looks.
TEST_F(CgroupMemoryTest, AFileOfOneNumberThatGotADescriptorIsNotBelieved) {
  const auto sampler = Open();
  tree_.Write("run/daemon.pid", "4242\n");
  const std::string pid_file = tree_.root() + "/run/daemon.pid";
  const pid_t child = ::fork();
  if (child == 0) {
    for (int descriptor = 3; descriptor < 64; ++descriptor) {
      ::close(descriptor);
      if (::open(pid_file.c_str(), O_RDONLY) != descriptor) ::_exit(2);
    }
    const HostSnapshot now = sampler->Take(SampleDepth::kFast);
    const bool right = now.cgroup && now.cgroup->limit == GiB(4) &&
                       now.cgroup->used == GiB(1) && now.faults.empty();
    bool others_live = true;
    for (int descriptor = 3; descriptor < 64; ++descriptor) {
      char text[5] = {};
      others_live &=
          ::pread(descriptor, text, 4, 0) == 4 && std::string(text) == "4242";
    }
    ::_exit(right && others_live ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace governor
