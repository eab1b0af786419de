#include "governor/model/byte_cursor.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

// Longer than the cursor's buffer, and different at every 256th byte.
std::string Long() {
  std::string bytes;
  for (int i = 0; i < 200'000; ++i) bytes.push_back(char(i ^ (i >> 8)));
  return bytes;
}

TEST(ByteCursorTest, ReadsLittleEndian) {
  const MemoryByteSource source("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\xFF");
  ByteCursor cursor(source, MiB(1));
  EXPECT_EQ(*cursor.ReadU32("a"), 0x04030201u);
  EXPECT_EQ(*cursor.ReadUnsigned(2, "b"), 0x0605u);
  EXPECT_EQ(cursor.offset(), 6u);
  EXPECT_EQ(cursor.remaining(), 5u);
  EXPECT_FALSE(cursor.ReadU64("c").ok());
  EXPECT_EQ(*cursor.ReadBytes(4, "d"), "\x07\x08\x09\x0A");
  EXPECT_EQ(*cursor.ReadUnsigned(1, "e"), 0xFFu);
}

TEST(ByteCursorTest, CrossesItsBufferAtEveryPlace) {
  const std::string bytes = Long();
  const MemoryByteSource source(bytes);
  for (const uint64_t step : {1u, 3u, 8u, 4097u, 65536u, 70'000u}) {
    ByteCursor cursor(source, MiB(1));
    std::string read;
    while (cursor.remaining() >= step) {
      read += *cursor.ReadBytes(step, "a step");
    }
    read += *cursor.ReadBytes(cursor.remaining(), "the rest");
    EXPECT_EQ(read, bytes) << step;
  }
}

TEST(ByteCursorTest, SkipsWithoutReading) {
  class Counting final : public ByteSource {
   public:
    Bytes size() const override { return GiB(1); }
    absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
      bytes_read += out.size();
      for (char& c : out) c = char(offset >> 20);
      return absl::OkStatus();
    }
    mutable uint64_t bytes_read = 0;
  };
  const Counting source;
  ByteCursor cursor(source, GiB(1));
  ASSERT_TRUE(cursor.Skip(MiB(70).count(), "much").ok());
  EXPECT_EQ(*cursor.ReadUnsigned(1, "a byte"), 70u);
  EXPECT_LE(source.bytes_read, KiB(64).count());
}

TEST(ByteCursorTest, RefusesBeforeItMoves) {
  const MemoryByteSource source("12345");
  ByteCursor cursor(source, MiB(1));
  ASSERT_TRUE(cursor.Skip(2, "two").ok());
  for (const uint64_t length : {uint64_t{4}, UINT64_MAX, UINT64_MAX - 1}) {
    const absl::Status status = cursor.ReadBytes(length, "a name").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("offset 2"));
    EXPECT_THAT(status.message(), HasSubstr(std::to_string(length)));
    EXPECT_THAT(status.message(), HasSubstr("a name"));
    EXPECT_FALSE(cursor.Skip(length, "a name").ok());
  }
  EXPECT_EQ(cursor.offset(), 2u);
  EXPECT_EQ(*cursor.ReadBytes(3, "the rest"), "345");
}

TEST(ByteCursorTest, TheHeaderLimitHoldsBelowTheFilesSize) {
  const MemoryByteSource source("123456789");
  ByteCursor cursor(source, Bytes(4));
  EXPECT_EQ(cursor.remaining(), 4u);
  const absl::Status status = cursor.ReadU64("a count").status();
  EXPECT_THAT(status.message(), HasSubstr("limit for headers, 4 bytes"));
}

}  // namespace
}  // namespace governor
