#include "governor/model/gguf_value.h"

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "governor/model/byte_source.h"
#include "governor/model/gguf_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

absl::StatusOr<GgufValue> Read(const ByteWriter& bytes) {
  const MemoryByteSource source(bytes.bytes());
  ByteCursor cursor(source, MiB(100));
  absl::StatusOr<GgufValue> value = ReadGgufValue(cursor);
  EXPECT_TRUE(!value.ok() || cursor.remaining() == 0);
  return value;
}

ByteWriter Array(GgufType element, uint64_t count) {
  return ByteWriter().Type(GgufType::kArray).Type(element).U64(count);
}

TEST(GgufValueTest, ReadsEveryScalar) {
  const struct {
    ByteWriter bytes;
    GgufValue value;
  } kCases[] = {
      {ByteWriter().Type(GgufType::kUint8).U8(200), uint64_t{200}},
      {ByteWriter().Type(GgufType::kInt8).U8(0xFF), int64_t{-1}},
      {ByteWriter().Type(GgufType::kUint16).Raw("\xFE\xFF"), uint64_t{65534}},
      {ByteWriter().Type(GgufType::kInt16).Raw("\xFE\xFF"), int64_t{-2}},
      {ByteWriter().Type(GgufType::kUint32).U32(1u << 31), uint64_t{1} << 31},
      {ByteWriter().Type(GgufType::kInt32).U32(1u << 31), -(int64_t{1} << 31)},
      {ByteWriter().Type(GgufType::kUint64).U64(UINT64_MAX), UINT64_MAX},
      {ByteWriter().Type(GgufType::kInt64).U64(UINT64_MAX), int64_t{-1}},
      {ByteWriter().Type(GgufType::kFloat32).U32(0x3FC00000), 1.5},
      {ByteWriter().Type(GgufType::kFloat64).U64(0x3FF8000000000000), 1.5},
      {ByteWriter().Type(GgufType::kBool).U8(1), true},
      {ByteWriter().Type(GgufType::kBool).U8(0), false},
      {ByteWriter().Type(GgufType::kString).String("llama"),
       std::string("llama")},
      {ByteWriter().Type(GgufType::kString).String(""), std::string()},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<GgufValue> value = Read(c.bytes);
    ASSERT_TRUE(value.ok()) << value.status();
    ASSERT_EQ(value->index(), c.value.index()) << ToString(*value);
    EXPECT_EQ(ToString(*value), ToString(c.value));
  }
}

TEST(GgufValueTest, KeepsSmallArraysOfNumbers) {
  const absl::StatusOr<GgufValue> value =
      Read(Array(GgufType::kInt32, 3).U32(8).U32(UINT32_MAX).U32(2));
  ASSERT_TRUE(value.ok()) << value.status();
  const auto& array = std::get<GgufArray>(*value);
  EXPECT_EQ(array.count, 3u);
  EXPECT_EQ(array.UnsignedAt(0), 8u);
  EXPECT_EQ(array.UnsignedAt(1), std::nullopt);  // -1
  EXPECT_EQ(array.UnsignedAt(2), 2u);
  EXPECT_EQ(array.UnsignedAt(3), std::nullopt);
  EXPECT_EQ(array.UnsignedAt(UINT64_MAX), std::nullopt);
}

TEST(GgufValueTest, FlagsAreBoolsOrNumbers) {
  const absl::StatusOr<GgufValue> bools =
      Read(Array(GgufType::kBool, 2).U8(1).U8(0));
  ASSERT_TRUE(bools.ok()) << bools.status();
  const auto& flags = std::get<GgufArray>(*bools);
  EXPECT_EQ(flags.FlagAt(0), 1u);
  EXPECT_EQ(flags.FlagAt(1), 0u);
  EXPECT_EQ(flags.FlagAt(2), std::nullopt);
  EXPECT_EQ(flags.UnsignedAt(0), std::nullopt);  // a bool is no count
  const absl::StatusOr<GgufValue> numbers =
      Read(Array(GgufType::kUint32, 1).U32(1));
  ASSERT_TRUE(numbers.ok()) << numbers.status();
  EXPECT_EQ(std::get<GgufArray>(*numbers).FlagAt(0), 1u);
}

TEST(GgufValueTest, FloatsAreNoCounts) {
  const absl::StatusOr<GgufValue> value =
      Read(Array(GgufType::kFloat32, 1).U32(0x3FC00000));
  EXPECT_EQ(std::get<GgufArray>(*value).UnsignedAt(0), std::nullopt);
}

TEST(GgufValueTest, SkipsLargeArraysAndKeepsTheirCount) {
  for (const uint64_t count : {uint64_t{4096}, uint64_t{4097}}) {
    const absl::StatusOr<GgufValue> value =
        Read(Array(GgufType::kUint8, count).Raw(std::string(count, 'x')));
    ASSERT_TRUE(value.ok()) << value.status();
    const auto& array = std::get<GgufArray>(*value);
    EXPECT_EQ(array.count, count);
    EXPECT_EQ(array.elements.size(), count <= 4096 ? count : 0);
    EXPECT_EQ(array.UnsignedAt(0).has_value(), count <= 4096);
  }
}

TEST(GgufValueTest, SkipsStringsAndNestedArrays) {
  absl::StatusOr<GgufValue> value =
      Read(Array(GgufType::kString, 3).String("a").String("").String("ccc"));
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(std::get<GgufArray>(*value).count, 3u);

  ByteWriter nested = Array(GgufType::kArray, 2);
  nested.Type(GgufType::kUint8).U64(2).U8(1).U8(2);
  nested.Type(GgufType::kArray).U64(1).Type(GgufType::kString).U64(1);
  nested.String("deep");
  value = Read(nested);
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(std::get<GgufArray>(*value).count, 2u);
}

TEST(GgufValueTest, FourArraysDeepIsTheLimit) {
  for (const int depth : {4, 5}) {
    ByteWriter nested;
    nested.Type(GgufType::kArray);
    for (int i = 1; i < depth; ++i) nested.Type(GgufType::kArray).U64(1);
    nested.Type(GgufType::kUint8).U64(0);
    EXPECT_EQ(Read(nested).ok(), depth == 4) << depth;
  }
}

TEST(GgufValueTest, AsUnsignedTakesEveryIntegerThatIsNotNegative) {
  EXPECT_EQ(AsUnsigned(GgufValue(uint64_t{7})), 7u);
  EXPECT_EQ(AsUnsigned(GgufValue(int64_t{7})), 7u);
  EXPECT_EQ(AsUnsigned(GgufValue(int64_t{-7})), std::nullopt);
  EXPECT_EQ(AsUnsigned(GgufValue(7.0)), std::nullopt);
  EXPECT_EQ(AsUnsigned(GgufValue(true)), std::nullopt);
  EXPECT_EQ(AsUnsigned(GgufValue(std::string("7"))), std::nullopt);
}

TEST(GgufValueTest, PrintsShortAndEscaped) {
  EXPECT_EQ(ToString(GgufValue(std::string("a\x1b"))), "'a\\x1b'");
  EXPECT_LT(ToString(GgufValue(std::string(1 << 20, 'x'))).size(), 100u);
  EXPECT_EQ(ToString(GgufValue(GgufArray{GgufType::kString, 9, ""})),
            "array of 9 string");
}

}  // namespace
}  // namespace governor
