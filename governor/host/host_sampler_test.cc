#include "governor/host/host_sampler.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <tuple>

#include "governor/base/fake_clock.h"
#include "governor/host/host_tree.h"
#include "gtest/gtest.h"

namespace {
std::atomic<int> allocations{0};
std::atomic<bool> no_memory{false};
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (no_memory) throw std::bad_alloc();
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
// Not inlined: a compiler that sees free() beside a new it did not inline
// warns.
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace governor {
namespace {

class HostSamplerTest : public testing::Test {
 protected:
  std::unique_ptr<HostSampler> Open(const HostSamplerOptions& options = {}) {
    return HostSampler::Open(tree_.root(), clock_, options).value();
  }

  HostTree tree_{testing::TempDir() + "/" +
                 testing::UnitTest::GetInstance()->current_test_info()->name()};
  FakeClock clock_;
};

TEST_F(HostSamplerTest, ReadsEverySource) {
  HostFigures host;
  host.available = GiB(11);
  host.dirty = MiB(7);
  host.hugetlb = MiB(64);
  host.cma_free = MiB(3);
  host.mlocked = MiB(5);
  host.stall_some = absl::Seconds(3);
  host.stall_full = absl::Seconds(1);
  host.swapped_in = 42;
  host.reclaim_stalls = 17;
  host.scanned_direct = 99;
  host.huge_free = GiB(1);
  host.movable_free = GiB(2);
  host.per_cpu = MiB(12);
  host.swap_size = GiB(4);
  host.swap_used = GiB(1);
  host.zram = true;
  host.cgroup_limit = GiB(5);
  host.cgroup_used = GiB(2);
  host.cgroup_inactive_file = MiB(100);
  tree_.Set(host);
  const auto sampler = Open({.page_size = KiB(4)});
  clock_.Advance(absl::Seconds(9));
  const HostSnapshot now = sampler->Take(SampleDepth::kFull);

  EXPECT_EQ(now.taken_at, absl::Seconds(9));
  EXPECT_TRUE(now.faults.empty()) << now.faults[0].source;
  EXPECT_EQ(now.meminfo->total, GiB(16));
  EXPECT_EQ(now.meminfo->free, GiB(8));
  EXPECT_EQ(now.meminfo->available, GiB(11));
  EXPECT_EQ(now.meminfo->dirty, MiB(7));
  EXPECT_EQ(now.meminfo->hugetlb, MiB(64));
  EXPECT_EQ(now.meminfo->hugetlb_free, MiB(64));
  EXPECT_EQ(now.meminfo->cma_free, MiB(3));
  EXPECT_EQ(now.meminfo->mlocked, MiB(5));
  EXPECT_EQ(now.stall->some, absl::Seconds(3));
  EXPECT_EQ(now.stall->full, absl::Seconds(1));
  EXPECT_EQ(now.vmstat->swapped_in, 42);
  EXPECT_EQ(now.vmstat->reclaim_stalls, 17);
  EXPECT_EQ(now.vmstat->scanned_direct, 99);
  EXPECT_EQ(now.contiguity->huge_free, GiB(1));
  EXPECT_EQ(now.contiguity->free, GiB(6));
  EXPECT_EQ(now.zones->movable_free, GiB(2));
  EXPECT_EQ(now.zones->per_cpu, MiB(12));
  EXPECT_EQ(now.swaps->devices, 1);
  EXPECT_EQ(now.swaps->size, GiB(4));
  EXPECT_EQ(now.swaps->used, GiB(1));
  EXPECT_TRUE(now.swaps->compressed_memory);
  EXPECT_EQ(now.cgroup->version, 2);
  EXPECT_EQ(now.cgroup->path, "/box");
  EXPECT_EQ(now.cgroup->limit, GiB(5));
  EXPECT_EQ(now.cgroup->used, GiB(2));
  EXPECT_EQ(now.cgroup->inactive_file, MiB(100));
}

TEST_F(HostSamplerTest, ADepthReadsNoMoreThanItSays) {
  tree_.Change([](HostFigures& host) { host.cgroup_limit = GiB(5); });
  const auto sampler = Open();
  const HostSnapshot fast = sampler->Take(SampleDepth::kFast);
  EXPECT_TRUE(fast.meminfo && fast.stall && fast.cgroup);
  EXPECT_FALSE(fast.vmstat || fast.contiguity || fast.zones || fast.swaps);
  const HostSnapshot more = sampler->Take(SampleDepth::kVmstat);
  EXPECT_TRUE(more.meminfo && more.stall && more.cgroup && more.vmstat);
  EXPECT_FALSE(more.contiguity || more.zones || more.swaps);
}

TEST_F(HostSamplerTest, EachReadingIsNew) {
  const auto sampler = Open();
  EXPECT_EQ(sampler->Take(SampleDepth::kFast).meminfo->available, GiB(12));
  tree_.Change([](HostFigures& host) { host.available = GiB(1); });
  EXPECT_EQ(sampler->Take(SampleDepth::kFast).meminfo->available, GiB(1));
}

TEST_F(HostSamplerTest, AFastReadingWithoutFaultsAllocatesNothing) {
  const auto sampler = Open();
  for (const SampleDepth depth :
       {SampleDepth::kFast, SampleDepth::kVmstat, SampleDepth::kFull}) {
    const int before = allocations;
    const HostSnapshot now = sampler->Take(depth);
    EXPECT_EQ(allocations - before, 0);
    EXPECT_TRUE(now.meminfo && now.faults.empty());
  }
  // The counter counts.
  tree_.Remove("proc/meminfo");
  const int before = allocations;
  EXPECT_FALSE(sampler->Take(SampleDepth::kFast).faults.empty());
  EXPECT_GT(allocations - before, 0);
}

// The fault of one source must not lose the limit that is read after it.
TEST_F(HostSamplerTest, WithoutMemoryForAFaultNothingIsToldThatGrants) {
  tree_.Change([](HostFigures& host) { host.cgroup_limit = GiB(5); });
  const auto sampler = Open();
  tree_.Remove("proc/pressure/memory");
  no_memory = true;
  const HostSnapshot now = sampler->Take(SampleDepth::kFast);
  no_memory = false;
  EXPECT_FALSE(now.meminfo || now.stall || now.cgroup);
  EXPECT_TRUE(sampler->Take(SampleDepth::kFast).meminfo.has_value());
}

TEST_F(HostSamplerTest, TheTightestOfAllGroupsAboveCounts) {
  for (const int version : {1, 2}) {
    const std::string mount =
        version == 1 ? "sys/fs/cgroup/memory" : "sys/fs/cgroup";
    const std::string limit =
        version == 1 ? "/memory.limit_in_bytes" : "/memory.max";
    const std::string used =
        version == 1 ? "/memory.usage_in_bytes" : "/memory.current";
    const std::string stat = version == 1
                                 ? "inactive_file 9\ntotal_inactive_file 50\n"
                                 : "inactive_file 50\ntotal_inactive_file 9\n";
    tree_.Change([&](HostFigures& host) { host.cgroup_version = version; });
    tree_.Write("proc/self/cgroup",
                version == 1 ? "5:cpu,memory:/a/b/c\n0::/\n" : "0::/a/b/c\n");
    // Room 900, then 250, then 500.
    for (const auto& [group, size, held] : {std::tuple{"/a/b/c", "1000", "150"},
                                            {"/a/b", "2000", "1800"},
                                            {"/a", "3000", "2550"}}) {
      tree_.Write(mount + group + limit, std::string(size) + "\n");
      tree_.Write(mount + group + used, std::string(held) + "\n");
      tree_.Write(mount + group + "/memory.stat", stat);
    }
    const HostSnapshot now = Open()->Take(SampleDepth::kFast);
    ASSERT_TRUE(now.cgroup.has_value()) << version;
    EXPECT_EQ(now.cgroup->version, version);
    EXPECT_EQ(now.cgroup->path, "/a/b");
    EXPECT_EQ(now.cgroup->limit, Bytes(2000));
    EXPECT_EQ(now.cgroup->used, Bytes(1800));
    EXPECT_EQ(now.cgroup->inactive_file, Bytes(50));
    EXPECT_TRUE(now.faults.empty());
  }
}

TEST_F(HostSamplerTest, ALimitThatIsSetLaterIsSeen) {
  for (const int version : {1, 2}) {
    tree_.Change([&](HostFigures& host) { host.cgroup_version = version; });
    const std::string mount =
        version == 1 ? "sys/fs/cgroup/memory/" : "sys/fs/cgroup/";
    const std::string limit =
        version == 1 ? "/memory.limit_in_bytes" : "/memory.max";
    tree_.Write("proc/self/cgroup",
                version == 1 ? "4:memory:/box/in\n" : "0::/box/in\n");
    tree_.Write(mount + "box/in" + limit, tree_.Read(mount + "box" + limit));
    const auto sampler = Open();
    const auto deep = Open();
    EXPECT_FALSE(sampler->Take(SampleDepth::kFast).cgroup.has_value());
    // Above the process: at the next deeper reading, or one of 16.
    tree_.Write(mount + "box" + limit, "4096\n");
    EXPECT_EQ(deep->Take(SampleDepth::kVmstat).cgroup->limit, Bytes(4096));
    int readings = 1;
    while (!sampler->Take(SampleDepth::kFast).cgroup && readings < 100) {
      ++readings;
    }
    EXPECT_LE(readings, 16);
    EXPECT_TRUE(sampler->Take(SampleDepth::kFast).cgroup.has_value());
  }
  // Its own: at once.
  tree_.Change([](HostFigures& host) { host.cgroup_version = 2; });
  const auto sampler = Open();
  EXPECT_FALSE(sampler->Take(SampleDepth::kFast).cgroup.has_value());
  tree_.Change([](HostFigures& host) { host.cgroup_limit = GiB(1); });
  EXPECT_TRUE(sampler->Take(SampleDepth::kFast).cgroup.has_value());
}

// There is no limit to read at the root of all groups of version 1.
TEST_F(HostSamplerTest, TheRootOfVersion1IsNotRead) {
  tree_.Change([](HostFigures& host) { host.cgroup_version = 1; });
  tree_.Write("proc/self/cgroup", "4:memory:/\n");
  tree_.Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
  tree_.Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n");
  EXPECT_TRUE(Open()->Take(SampleDepth::kFull).cgroup.has_value());
  tree_.Write("sys/fs/cgroup/memory/release_agent", "\n");
  EXPECT_FALSE(Open()->Take(SampleDepth::kFull).cgroup.has_value());
}

TEST_F(HostSamplerTest, MemoryOfVersion2BesideVersion1IsFound) {
  tree_.Write("proc/self/cgroup", "3:cpu:/\n0::/box\n");
  ASSERT_EQ(
      ::unlink((tree_.root() + "/sys/fs/cgroup/cgroup.controllers").c_str()),
      0);
  tree_.Write("sys/fs/cgroup/unified/cgroup.controllers", "memory\n");
  tree_.Write("sys/fs/cgroup/unified/box/memory.max", "4096\n");
  tree_.Write("sys/fs/cgroup/unified/box/memory.current", "1\n");
  tree_.Write("sys/fs/cgroup/unified/box/memory.stat", "inactive_file 0\n");
  EXPECT_EQ(Open()->Take(SampleDepth::kFast).cgroup->limit, Bytes(4096));
}

// A daemon closes every descriptor that it does not know, and opens others,
// which get their numbers.
TEST_F(HostSamplerTest, DescriptorsClosedBehindItsBackAreOpenedAnew) {
  const auto sampler = Open();
  const pid_t child = ::fork();
  if (child == 0) {
    for (int descriptor = 3; descriptor < 64; ++descriptor) ::close(descriptor);
    int others[20];
    const std::string other = tree_.root() + "/sys/fs/cgroup/box/memory.stat";
    for (int& descriptor : others) {
      descriptor = ::open(other.c_str(), O_RDONLY);
    }
    const HostSnapshot now = sampler->Take(SampleDepth::kFull);
    const bool whole = now.meminfo && now.stall && now.vmstat &&
                       now.contiguity && now.zones && now.swaps &&
                       now.faults.empty();
    bool others_live = true;
    char text[6] = {};
    for (const int descriptor : others) {
      others_live &=
          ::pread(descriptor, text, 4, 0) == 4 && std::string(text) == "anon";
    }
    ::_exit(whole && others_live ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(HostSamplerTest, ThreadsReadWholeTexts) {
  // Longer than one pread of the sampler.
  std::string zoneinfo = tree_.Read("proc/zoneinfo");
  while (zoneinfo.size() < 60'000) zoneinfo += tree_.Read("proc/zoneinfo");
  tree_.Write("proc/zoneinfo", zoneinfo);
  const auto sampler = Open();
  const Bytes expected =
      sampler->Take(SampleDepth::kFull).zones->low_watermarks;
  std::atomic<int> wrong{0};
  const auto read = [&] {
    for (int reading = 0; reading != 200; ++reading) {
      const HostSnapshot now = sampler->Take(SampleDepth::kFull);
      if (!now.zones || now.zones->low_watermarks != expected ||
          !now.faults.empty()) {
        ++wrong;
      }
    }
  };
  std::thread first(read);
  std::thread second(read);
  first.join();
  second.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(HostSamplerTest, NoDirectoryIsNotFound) {
  for (const std::string& root :
       {tree_.root() + "/nowhere", tree_.root() + "/proc/meminfo"}) {
    EXPECT_EQ(HostSampler::Open(root, clock_).status().code(),
              absl::StatusCode::kNotFound);
  }
}

// On whatever machine the test runs.
TEST(HostSamplerOnThisMachineTest, Reads) {
  const RealClock clock;
  const HostSnapshot now =
      HostSampler::Open("/", clock).value()->Take(SampleDepth::kFull);
  ASSERT_TRUE(now.meminfo.has_value());
  EXPECT_GT(now.meminfo->total, MiB(64));
  EXPECT_LE(now.meminfo->available, now.meminfo->total);
  EXPECT_TRUE(now.vmstat && now.zones);
}

}  // namespace
}  // namespace governor
