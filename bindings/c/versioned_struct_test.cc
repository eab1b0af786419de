#include "bindings/c/versioned_struct.h"

#include <limits>

#include "gtest/gtest.h"

namespace governor {
namespace {

// A struct in three versions; the library knows the second.
struct First {
  size_t struct_size;
  size_t a;
};
struct Second {
  size_t struct_size;
  size_t a;
  size_t b;
};
struct Third {
  size_t struct_size;
  size_t a;
  size_t b;
  size_t c;
};

template <typename Struct>
absl::StatusOr<Second> Read(const Struct& given) {
  return ReadStruct(reinterpret_cast<const Second*>(&given), sizeof(First));
}

TEST(VersionedStructTest, OldCallersLeaveNewFieldsZero) {
  const First old = {sizeof(First), 1};
  const absl::StatusOr<Second> read = Read(old);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->a, 1);
  EXPECT_EQ(read->b, 0);
}

TEST(VersionedStructTest, NewCallersMayNotSetWhatIsNotKnown) {
  Third newer = {sizeof(Third), 1, 2, 0};
  const absl::StatusOr<Second> read = Read(newer);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->b, 2);
  newer.c = 3;
  EXPECT_EQ(Read(newer).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(VersionedStructTest, RefusesSizesThatWereNeverSet) {
  for (size_t size : {size_t{0}, sizeof(First) - 1, kMaxStructSize + 1,
                      std::numeric_limits<size_t>::max()}) {
    const Second given = {size, 1, 2};
    EXPECT_EQ(Read(given).status().code(), absl::StatusCode::kInvalidArgument)
        << size;
  }
  EXPECT_EQ(CheckStruct<Second>(nullptr, sizeof(First)).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(VersionedStructTest, WritesWhatTheCallerHasRoomFor) {
  Third third = {sizeof(Third), 9, 9, 9};
  WriteStruct(Second{0, 1, 2}, reinterpret_cast<Second*>(&third));
  EXPECT_EQ(third.struct_size, sizeof(Third));
  EXPECT_EQ(third.a, 1);
  EXPECT_EQ(third.b, 2);
  EXPECT_EQ(third.c, 0);

  // A caller of the first version, and what lies behind its struct.
  Second second = {sizeof(First), 9, 9};
  WriteStruct(Second{0, 1, 2}, &second);
  EXPECT_EQ(second.struct_size, sizeof(First));
  EXPECT_EQ(second.a, 1);
  EXPECT_EQ(second.b, 9);
}

}  // namespace
}  // namespace governor
