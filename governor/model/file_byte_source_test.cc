#include "governor/model/file_byte_source.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

class FileByteSourceTest : public testing::Test {
 protected:
  FileByteSourceTest() {
    std::string name = testing::TempDir() + "/sourceXXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~FileByteSourceTest() override {
    unlink(Path("file").c_str());
    rmdir(directory_.c_str());
  }

  std::string Path(const std::string& name) const {
    return directory_ + "/" + name;
  }
  std::string Write(const std::string& bytes) const {
    std::ofstream(Path("file"), std::ios::binary) << bytes;
    return Path("file");
  }
  // That `path` is refused with this code, and with both of these texts.
  void ExpectRefused(const std::string& path, absl::StatusCode code,
                     const std::string& what) const {
    const absl::Status status = FileByteSource::Open(path).status();
    EXPECT_EQ(status.code(), code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
    EXPECT_THAT(std::string(status.message()), HasSubstr(path.c_str()));
  }

  std::string directory_;
};

TEST_F(FileByteSourceTest, ReadsAnyPart) {
  const auto source = FileByteSource::Open(Write("0123456789"));
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->size(), Bytes(10));
  std::string part(4, ' ');
  ASSERT_TRUE((*source)->ReadAt(3, absl::MakeSpan(part)).ok());
  EXPECT_EQ(part, "3456");
}

TEST_F(FileByteSourceTest, FollowsALinkToAFile) {
  Write("0123");
  const std::string link = Path("link");
  ASSERT_EQ(symlink("file", link.c_str()), 0);
  EXPECT_TRUE(FileByteSource::Open(link).ok());
  unlink(link.c_str());
}

TEST_F(FileByteSourceTest, WhatIsNoRegularFileIsNamed) {
  const absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;
  ExpectRefused(directory_, kBad, "a directory");
  ExpectRefused("/dev/zero", kBad, "a character device");
  ExpectRefused(Write(""), kBad, "is empty");
}

// Without a writer, opening a pipe to read would wait for ever.
TEST_F(FileByteSourceTest, APipeIsRefusedAtOnce) {
  const std::string pipe = Path("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  ExpectRefused(pipe, absl::StatusCode::kInvalidArgument, "a pipe");
  unlink(pipe.c_str());
}

TEST_F(FileByteSourceTest, ASocketIsNamed) {
  // A socket's address holds some hundred bytes, and the directory's name may
  // have more.
  const int directory = open(directory_.c_str(), O_RDONLY | O_CLOEXEC);
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/s";
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(descriptor, reinterpret_cast<const sockaddr*>(&address),
                 sizeof(address)),
            0);
  ExpectRefused(Path("s"), absl::StatusCode::kInvalidArgument, "a socket");
  close(descriptor);
  close(directory);
  unlink(Path("s").c_str());
}

TEST_F(FileByteSourceTest, WhatIsNotThereIsNotFound) {
  ExpectRefused(Path("absent"), absl::StatusCode::kNotFound, "No such file");
  ExpectRefused(Write("x") + "/below", absl::StatusCode::kNotFound,
                "Not a directory");
  EXPECT_EQ(FileByteSource::Open("").status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(FileByteSourceTest, LinksInACircleAreAnError) {
  const std::string link = Path("circle");
  ASSERT_EQ(symlink("circle", link.c_str()), 0);
  EXPECT_FALSE(FileByteSource::Open(link).ok());
  unlink(link.c_str());
}

TEST_F(FileByteSourceTest, WhatMayNotBeReadIsPermissionDenied) {
  const std::string path = Write("x");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  // Root may read everything: be nobody for a moment.
  constexpr uid_t kNobody = 65534;
  const uid_t self = geteuid();
  if (self == 0 && seteuid(kNobody) != 0) {
    GTEST_SKIP() << "cannot become a user who may not read";
  }
  const absl::Status status = FileByteSource::Open(path).status();
  ASSERT_EQ(seteuid(self), 0);
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
}

TEST_F(FileByteSourceTest, APathWithANulIsNotCutShort) {
  const std::string path = Write("x") + std::string("\0.gguf", 6);
  EXPECT_EQ(FileByteSource::Open(path).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(FileByteSourceTest, AFileThatShrinksIsAnErrorAndNotASignal) {
  const std::string path = Write("0123456789");
  const auto source = FileByteSource::Open(path);
  ASSERT_TRUE(source.ok());
  ASSERT_EQ(truncate(path.c_str(), 5), 0);
  std::string part(4, ' ');
  const absl::Status status = (*source)->ReadAt(3, absl::MakeSpan(part));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("ends at offset 5"));
}

TEST_F(FileByteSourceTest, LeavesNoDescriptorOpen) {
  const std::string path = Write("x");
  const int before = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  close(before);
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(FileByteSource::Open(path).ok());
    EXPECT_FALSE(FileByteSource::Open(directory_).ok());
  }
  const int after = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  close(after);
  EXPECT_EQ(before, after);
}

}  // namespace
}  // namespace governor
