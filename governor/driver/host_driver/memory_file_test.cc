#include "governor/driver/host_driver/memory_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(MemoryFileTest, LeavesTheStandardStreamsAlone) {
  const int saved = dup(STDIN_FILENO);
  ASSERT_GE(saved, 0);
  ASSERT_EQ(close(STDIN_FILENO), 0);
  const int file = NewMemoryFile("test");
  EXPECT_GT(file, STDERR_FILENO);
  EXPECT_EQ(fcntl(STDIN_FILENO, F_GETFD), -1);
  EXPECT_EQ(dup2(saved, STDIN_FILENO), STDIN_FILENO);
  close(saved);
  EXPECT_EQ(fcntl(file, F_GETFD), FD_CLOEXEC);
  close(file);
}

TEST(MemoryFileTest, KnowsAnotherFileUnderItsNumber) {
  const int file = NewMemoryFile("test");
  ASSERT_GE(file, 0);
  const uint64_t inode = InodeOf(file);
  EXPECT_TRUE(IsStillMemoryFile(file, inode));
  const int other = open("/dev/null", O_RDWR);
  ASSERT_EQ(dup2(other, file), file);
  EXPECT_FALSE(IsStillMemoryFile(file, inode));
  CloseMemoryFile(file, inode);
  EXPECT_NE(fcntl(file, F_GETFD), -1);  // not ours to close
  close(file);
  close(other);
  EXPECT_FALSE(IsStillMemoryFile(file, inode));
  EXPECT_EQ(InodeOf(file), 0u);
}

}  // namespace
}  // namespace governor
