#include "governor/model/safetensors.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/hostile_safetensors.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<Safetensors> Parse(absl::string_view bytes) {
  return ParseSafetensors(MemoryByteSource(bytes));
}

TEST(SafetensorsTest, ReadsWhatAWriterWrote) {
  SafetensorsWriter writer;
  writer.Add("model.norm.weight", "F32", {64})
      .Add("lm_head.weight", "BF16", {128, 64});
  const std::string bytes = writer.Write();
  const absl::StatusOr<Safetensors> file = Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->header_size(), Bytes(writer.Header().size()));
  EXPECT_EQ(file->data_size(), Bytes(64 * 4 + 128 * 64 * 2));
  ASSERT_EQ(file->tensor_count(), 2u);
  // By name.
  const SafetensorsTensor head = file->tensor(0);
  EXPECT_EQ(head.name, "lm_head.weight");
  EXPECT_EQ(file->name(0), head.name);
  EXPECT_EQ(head.dtype->name, "BF16");
  EXPECT_EQ(head.dimension_count, 2u);
  EXPECT_EQ(head.dimensions[0], 128u);
  EXPECT_EQ(head.dimensions[1], 64u);
  EXPECT_EQ(head.dimensions[2], 1u);
  EXPECT_EQ(head.elements, 8192u);
  EXPECT_EQ(head.size, KiB(16));
  EXPECT_EQ(head.offset, writer.Header().size() + 256);
  EXPECT_EQ(file->tensor(1).size, Bytes(256));
}

TEST(SafetensorsTest, FindsByNameAlone) {
  SafetensorsWriter writer;
  for (const char* name : {"b", "a", "ab", "c.weight"}) {
    writer.Add(name, "U8", {1});
  }
  const std::string bytes = writer.Write();
  const absl::StatusOr<Safetensors> file = Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  for (const char* name : {"b", "a", "ab", "c.weight"}) {
    ASSERT_TRUE(file->Find(name)) << name;
    EXPECT_EQ(file->Find(name)->name, name);
  }
  for (const char* name : {"", "A", "abc", "c.weigh", "d"}) {
    EXPECT_FALSE(file->Find(name)) << name;
  }
}

TEST(SafetensorsTest, LargeDimensionsAreKeptWhole) {
  const std::string bytes = SafetensorsOf(
      "{\"t\":{\"dtype\":\"U8\",\"shape\":[0,127,128,16384,"
      "18446744073709551615,1,2,300],\"data_offsets\":[0,0]}}");
  const absl::StatusOr<Safetensors> file = Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  const SafetensorsTensor tensor = file->tensor(0);
  EXPECT_EQ(tensor.dimension_count, 8u);
  EXPECT_THAT(tensor.dimensions,
              testing::ElementsAre(0, 127, 128, 16384, UINT64_MAX, 1, 2, 300));
  EXPECT_EQ(tensor.elements, 0u);
  EXPECT_EQ(tensor.size, Bytes());
}

TEST(SafetensorsTest, ScalarsAndEmptyTensorsAreLegal) {
  SafetensorsWriter writer;
  writer.Add("empty", "F32", {0, 64})
      .Add("also_empty", "F32", {0})
      .Add("scalar", "F32", {})
      .Add("empty_at_the_end", "I64", {3, 0});
  const std::string bytes = writer.Write();
  const absl::StatusOr<Safetensors> file = Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->Find("scalar")->elements, 1u);
  EXPECT_EQ(file->Find("scalar")->size, Bytes(4));
  EXPECT_EQ(file->Find("empty")->elements, 0u);
}

TEST(SafetensorsTest, FieldsTensorsAndDataMayComeInAnyOrder) {
  const std::string bytes = SafetensorsOf(
      " {\"b\": {\"data_offsets\": [0, 2], \"shape\": [2], \"dtype\": \"I8\"},"
      " \"__metadata__\": {\"format\": \"pt\", \"x\": \"\"},"
      " \"a\": {\"shape\": [2], \"dtype\": \"I8\", \"data_offsets\": [4, 6]},"
      " \"c\": {\"shape\": [2], \"dtype\": \"I8\", \"data_offsets\": [2, 4]}}",
      6);
  const absl::StatusOr<Safetensors> file = Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensor_count(), 3u);
  EXPECT_EQ(file->tensor(0).offset, file->header_size().count() + 4);
}

TEST(SafetensorsTest, AFileWithoutTensorsHasNoData) {
  const absl::StatusOr<Safetensors> file = Parse(SafetensorsOf("{}"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensor_count(), 0u);
  EXPECT_EQ(file->header_size(), Bytes(10));
}

TEST(SafetensorsTest, ElementsBelowAByteFillWholeBytes) {
  SafetensorsWriter writer;
  writer.Add("f4", "F4", {3, 2}).Add("f6", "F6_E2M3", {4});
  const std::string bytes = writer.Write();
  const absl::StatusOr<Safetensors> file = Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->Find("f4")->size, Bytes(3));
  EXPECT_EQ(file->Find("f4")->elements, 6u);
  EXPECT_EQ(file->Find("f6")->size, Bytes(3));
}

TEST(SafetensorsTest, ANameOf64KiBIsTheLimit) {
  const auto named = [](size_t length) {
    SafetensorsWriter writer;
    return Parse(writer.Add(std::string(length, 'n'), "U8", {}).Write());
  };
  EXPECT_TRUE(named(65'000).ok());
  EXPECT_EQ(named(65'537).status().code(), absl::StatusCode::kInvalidArgument);
}

// Only what is read of it counts: the data may be terabytes.
class CountingSource final : public ByteSource {
 public:
  CountingSource(std::string head, uint64_t size)
      : head_(std::move(head)), size_(size) {}
  Bytes size() const override { return Bytes(size_); }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
    bytes_read += out.size();
    last = std::max(last, offset + out.size());
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = offset + i < head_.size() ? head_[offset + i] : '\0';
    }
    return absl::OkStatus();
  }
  mutable uint64_t bytes_read = 0;
  mutable uint64_t last = 0;

 private:
  std::string head_;
  uint64_t size_;
};

TEST(SafetensorsTest, ReadsTheHeaderAloneAndEachByteOnce) {
  SafetensorsWriter writer;
  for (int i = 0; i < 2'000; ++i) {
    writer.Add(absl::StrCat("model.layers.", i, ".weight"), "BF16",
               {uint64_t{1} << 20, 128});
  }
  const std::string header = writer.Header();
  ASSERT_GT(header.size(), 3 * 65'536u);
  const CountingSource source(header, header.size() + writer.TrueDataSize());
  ASSERT_TRUE(ParseSafetensors(source).ok());
  EXPECT_EQ(source.bytes_read, header.size());
  EXPECT_EQ(source.last, header.size());
}

TEST(SafetensorsTest, AHeaderOfAHundredMegabytesIsTheLimit) {
  const auto parse = [](uint64_t length) {
    std::string head(8, '\0');
    for (int i = 0; i < 8; ++i) head[i] = static_cast<char>(length >> (8 * i));
    return ParseSafetensors(CountingSource(head + "{}x", uint64_t{1} << 40))
        .status();
  };
  EXPECT_THAT(std::string(parse(100'000'000).message()), HasSubstr("not JSON"));
  EXPECT_THAT(std::string(parse(100'000'001).message()),
              HasSubstr("100000001 bytes, but it can have 2 to 100000000"));
}

TEST(SafetensorsTest, AMillionTensorsAreTheLimit) {
  std::string json = "{";
  json.reserve(60 << 20);
  for (uint64_t i = 0; i <= SafetensorsEntries::kMaxTensors; ++i) {
    absl::StrAppend(&json, i == 0 ? "" : ",", "\"", i,
                    "\":{\"dtype\":\"U8\",\"shape\":[0],"
                    "\"data_offsets\":[0,0]}");
  }
  const absl::Status status = Parse(SafetensorsOf(json + "}")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("more than 1048576 tensors"));
}

TEST(SafetensorsTest, AHundredThousandLevelsOfJsonAreRefused) {
  std::string deep = "{\"__metadata__\":";
  for (int i = 0; i < 100'000; ++i) deep += "[";
  EXPECT_EQ(Parse(SafetensorsOf(deep)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Each case of the hostile list, by name.
class HostileSafetensorsTest : public testing::TestWithParam<HostileFile> {};

TEST_P(HostileSafetensorsTest, IsRefusedByName) {
  const HostileFile& hostile = GetParam();
  EXPECT_LE(hostile.bytes.size(), 4096u);
  const absl::Status status = Parse(hostile.bytes).status();
  EXPECT_EQ(status.code(), hostile.code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(hostile.message));
}

INSTANTIATE_TEST_SUITE_P(All, HostileSafetensorsTest,
                         testing::ValuesIn(HostileSafetensors()),
                         [](const auto& info) { return info.param.name; });

// Cut after any byte, a file is an error, never a model.
TEST(SafetensorsTest, TruncationIsFoundAtEveryByte) {
  SafetensorsWriter writer;
  writer.Add("a", "BF16", {2, 8}).Add("b.weight", "U8", {5});
  const std::string bytes = writer.Write();
  ASSERT_TRUE(Parse(bytes).ok());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const absl::Status status =
        Parse(absl::string_view(bytes).substr(0, size)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << size;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cut short")) << size;
  }
  EXPECT_FALSE(Parse(bytes + "x").ok());
}

TEST(SafetensorsTest, AnErrorOfTheSourceIsPassedOn) {
  class Broken final : public ByteSource {
   public:
    Bytes size() const override { return KiB(4); }
    absl::Status ReadAt(uint64_t, absl::Span<char>) const override {
      return absl::InternalError("the disk is gone");
    }
  };
  const absl::Status status = ParseSafetensors(Broken()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(status.message()), HasSubstr("the disk is gone"));
}

}  // namespace
}  // namespace governor
