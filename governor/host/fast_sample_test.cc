#include "governor/host/fast_sample.h"

#include <fcntl.h>

#include <string>

#include "governor/host/host_tree.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class FastSampleTest : public testing::Test {
 protected:
  FastSample Take() {
    const int meminfo =
        ::open((tree_.root() + "/proc/meminfo").c_str(), O_RDONLY);
    const int pressure =
        ::open((tree_.root() + "/proc/pressure/memory").c_str(), O_RDONLY);
    const FastSample sample = TakeFastSample(meminfo, pressure);
    ::close(meminfo);
    ::close(pressure);
    return sample;
  }

  HostTree tree_{testing::TempDir() + "/" +
                 testing::UnitTest::GetInstance()->current_test_info()->name()};
};

TEST_F(FastSampleTest, ReadsBoth) {
  tree_.Change([](HostFigures& host) {
    host.available = GiB(11);
    host.dirty = MiB(3);
    host.writeback = MiB(2);
    host.cma_free = MiB(1);
    host.stall_some = absl::Microseconds(77);
    host.stall_full = absl::Microseconds(33);
  });
  const FastSample sample = Take();
  ASSERT_TRUE(sample.has_memory && sample.has_stall);
  EXPECT_EQ(Bytes(sample.memory.total), GiB(16));
  EXPECT_EQ(Bytes(sample.memory.free), GiB(8));
  EXPECT_EQ(Bytes(sample.memory.available), GiB(11));
  EXPECT_EQ(Bytes(sample.memory.dirty), MiB(3));
  EXPECT_EQ(Bytes(sample.memory.writeback), MiB(2));
  EXPECT_EQ(Bytes(sample.memory.cma_free), MiB(1));
  EXPECT_EQ(sample.stall.some_us, 77u);
  EXPECT_EQ(sample.stall.full_us, 33u);
}

TEST_F(FastSampleTest, ANegativeDescriptorIsAbsent) {
  const FastSample sample = TakeFastSample(-1, -1);
  EXPECT_FALSE(sample.has_memory || sample.has_stall);
}

TEST_F(FastSampleTest, WhatIsNotBelievedIsAbsent) {
  const std::string meminfo = tree_.Read("proc/meminfo");
  for (const std::string& text :
       {std::string(), meminfo.substr(0, meminfo.size() - 1),
        meminfo.substr(0, 60), std::string(8192, 'x') + "\n" + meminfo,
        std::string("MemFree: 1 kB\n"),
        std::string("MemTotal: 1 kB\nMemFree: 2 kB\nMemAvailable: 1 kB\n"
                    "Dirty: 0 kB\nWriteback: 0 kB\n")}) {
    tree_.Write("proc/meminfo", text);
    EXPECT_FALSE(Take().has_memory) << text;
    EXPECT_TRUE(Take().has_stall);
  }
  tree_.Write("proc/meminfo", meminfo);
  for (const char* const text :
       {"", "some total=1\n", "some total=1\nfull total=0.5\n",
        "some total=1\nfull total=5"}) {
    tree_.Write("proc/pressure/memory", text);
    EXPECT_FALSE(Take().has_stall) << text;
    EXPECT_TRUE(Take().has_memory);
  }
}

TEST(ReadDigitsTest, NeverWraps) {
  for (const char* const text : {"18446744073709551615", "0", "007x"}) {
    const std::string digits = text;
    const char* at = digits.data();
    uint64_t value = 1;
    EXPECT_TRUE(ReadDigits(&at, digits.data() + digits.size(), &value));
  }
  for (const char* const text :
       {"18446744073709551616", "18446744073709551620", "184467440737095516150",
        "", "x", "-1", " 1"}) {
    const std::string digits = text;
    const char* at = digits.data();
    uint64_t value = 1;
    EXPECT_FALSE(ReadDigits(&at, digits.data() + digits.size(), &value))
        << text;
    EXPECT_EQ(at, digits.data());
  }
}

}  // namespace
}  // namespace governor
