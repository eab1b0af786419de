#include "governor/host/drop_behind.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr Bytes kSize = MiB(32);
constexpr Bytes kWindow = MiB(2);

class DropBehindTest : public testing::Test {
 protected:
  DropBehindTest()
      : path_(testing::TempDir() + "/drop_behind." +
              std::to_string(::getpid())),
        file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC,
                     0600)) {}
  ~DropBehindTest() override {
    ::close(file_);
    ::unlink(path_.c_str());
  }

  // Of the file, what is in the page cache.
  Bytes Cached() const {
    void* const memory =
        ::mmap(nullptr, kSize.count(), PROT_READ, MAP_SHARED, file_, 0);
    const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> in_core(kSize.count() / page);
    EXPECT_EQ(::mincore(memory, kSize.count(), in_core.data()), 0);
    ::munmap(memory, kSize.count());
    return Bytes(page * std::count_if(in_core.begin(), in_core.end(),
                                      [](auto core) { return core & 1; }));
  }

  // The most that was cached while the file was written in pieces.
  Bytes WriteAll(DropBehind* drop) {
    const std::vector<char> piece(MiB(1).count(), 'x');
    Bytes most;
    for (Bytes at; at < kSize; at += MiB(1)) {
      EXPECT_EQ(::write(file_, piece.data(), piece.size()),
                static_cast<ssize_t>(piece.size()));
      if (drop != nullptr) {
        EXPECT_TRUE(drop->Advance((at + MiB(1)).count()).ok());
        most = std::max(most, Cached());
      }
    }
    return drop == nullptr ? Cached() : most;
  }

  const std::string path_;
  const int file_;
};

TEST_F(DropBehindTest, AFileThatIsWrittenLeavesLittleBehind) {
  // On a file system in memory nothing can be dropped.
  DropBehind drop(file_, kWindow);
  const Bytes most = WriteAll(&drop);
  if (most == kSize) GTEST_SKIP() << "pages stay: no disk at " << path_;
  EXPECT_LE(most, kWindow * 2);
  EXPECT_TRUE(drop.Finish(kSize.count()).ok());
  EXPECT_EQ(Cached(), Bytes());
  char byte = 0;
  EXPECT_EQ(::pread(file_, &byte, 1, 12345), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(DropBehindTest, WithoutItAllOfItStays) {
  EXPECT_EQ(WriteAll(nullptr), kSize);
}

TEST_F(DropBehindTest, AnErrorIsAValue) {
  DropBehind drop(-1, kWindow);
  EXPECT_TRUE(drop.Advance(10).ok());  // nothing to do yet
  EXPECT_FALSE(drop.Advance(kSize.count()).ok());
  EXPECT_FALSE(DropBehind(-1, kWindow).Finish(10).ok());
}

}  // namespace
}  // namespace governor
