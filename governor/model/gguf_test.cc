#include "governor/model/gguf.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/gguf_writer.h"
#include "governor/model/hostile_gguf.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<Gguf> Parse(absl::string_view bytes) {
  return ParseGguf(MemoryByteSource(bytes));
}

TEST(GgufTest, ReadsAWholeModel) {
  const std::string bytes = TinyLlama().Write();
  const absl::StatusOr<Gguf> gguf = Parse(bytes);
  ASSERT_TRUE(gguf.ok()) << gguf.status();
  EXPECT_EQ(gguf->version, 3u);
  EXPECT_EQ(gguf->alignment, 32u);
  EXPECT_EQ(gguf->file_size, Bytes(bytes.size()));
  EXPECT_EQ(gguf->metadata.size(), 8u);
  ASSERT_EQ(gguf->tensors.size(), 20u);

  const GgufTensor& first = gguf->tensors[0];
  EXPECT_EQ(first.name, "token_embd.weight");
  EXPECT_EQ(first.type->name, "F32");
  EXPECT_EQ(first.dimension_count, 2u);
  EXPECT_EQ(first.dimensions[0], 64u);
  EXPECT_EQ(first.dimensions[1], 128u);
  EXPECT_EQ(first.elements, 8192u);
  EXPECT_EQ(first.size, KiB(32));
  EXPECT_EQ(first.offset, gguf->data_offset);
  EXPECT_EQ(gguf->data_offset % 32, 0u);

  const GgufTensor& last = gguf->tensors.back();
  EXPECT_EQ(last.offset + last.size.count(), bytes.size());
}

TEST(GgufTest, Version2HasTheSameLayout) {
  GgufWriter writer = TinyLlama();
  writer.version = 2;
  const absl::StatusOr<Gguf> gguf = Parse(writer.Write());
  ASSERT_TRUE(gguf.ok()) << gguf.status();
  EXPECT_EQ(gguf->tensors.size(), 20u);
}

TEST(GgufTest, QuantizedTensorsTakeTheirBlocks) {
  GgufWriter writer;
  writer.Add({"q4_1", {576, 192}, 3}).Add({"q6_k", {256, 3, 2}, 14});
  const absl::StatusOr<Gguf> gguf = Parse(writer.Write());
  ASSERT_TRUE(gguf.ok()) << gguf.status();
  EXPECT_EQ(gguf->tensors[0].size, Bytes(576 / 32 * 20 * 192));
  EXPECT_EQ(gguf->tensors[1].size, Bytes(210 * 3 * 2));
}

TEST(GgufTest, AlignmentOfTheFileIsHonoured) {
  GgufWriter writer;
  writer.alignment = 4096;
  writer.SetU32("general.alignment", 4096).Add({"a", {8}}).Add({"b", {8}});
  const absl::StatusOr<Gguf> gguf = Parse(writer.Write());
  ASSERT_TRUE(gguf.ok()) << gguf.status();
  EXPECT_EQ(gguf->data_offset, 4096u);
  EXPECT_EQ(gguf->tensors[1].offset, 8192u);
}

// The order of the infos is not the order of the data, and gaps are allowed.
TEST(GgufTest, TensorsMayLieInAnyOrder) {
  GgufWriter writer;
  writer.data_size = 256;
  writer.Add({"a", {8}, 0, 192}).Add({"b", {8}, 0, 0}).Add({"c", {8}, 0, 64});
  EXPECT_TRUE(Parse(writer.Write()).ok());
}

TEST(GgufTest, AFileWithoutTensorsNeedsNoData) {
  GgufWriter writer;
  const absl::StatusOr<Gguf> gguf = Parse(writer.SetU32("k", 1).Write());
  ASSERT_TRUE(gguf.ok()) << gguf.status();
  EXPECT_TRUE(gguf->tensors.empty());
}

// The data section may be terabytes: it is not read.
TEST(GgufTest, ReadsTheHeaderAlone) {
  class Counting final : public ByteSource {
   public:
    explicit Counting(std::string bytes) : bytes_(std::move(bytes)) {}
    Bytes size() const override { return Bytes(bytes_.size()); }
    absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
      bytes_read += out.size();
      return MemoryByteSource(bytes_).ReadAt(offset, out);
    }
    mutable uint64_t bytes_read = 0;

   private:
    std::string bytes_;
  };
  const Counting source(
      GgufWriter().Add({"large", {1 << 20}}).Add({"next", {8}}).Write());
  ASSERT_TRUE(ParseGguf(source).ok());
  EXPECT_LE(source.bytes_read, KiB(64).count() + 16);
}

// Each case of the hostile list, by name.
class HostileGgufTest : public testing::TestWithParam<HostileGguf> {};

TEST_P(HostileGgufTest, IsRefusedByName) {
  const HostileGguf& hostile = GetParam();
  EXPECT_LE(hostile.bytes.size(), 4096u);
  const absl::Status status = Parse(hostile.bytes).status();
  EXPECT_EQ(status.code(), hostile.code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(hostile.message));
}

INSTANTIATE_TEST_SUITE_P(All, HostileGgufTest,
                         testing::ValuesIn(HostileGgufs()),
                         [](const auto& info) { return info.param.name; });

// Cut after any byte, a file is an error that says where it ends, never a
// model.
TEST(GgufTest, TruncationIsFoundAtEveryByte) {
  const std::string bytes = TinyLlama().Write();
  const uint64_t data_offset = Parse(bytes)->data_offset;
  for (size_t size = 0; size < bytes.size();
       size += size < data_offset ? 1 : 997) {
    const absl::Status status =
        Parse(absl::string_view(bytes).substr(0, size)).status();
    ASSERT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << size;
    if (size < 4) continue;
    EXPECT_THAT(std::string(status.message()), HasSubstr("offset")) << size;
  }
  EXPECT_FALSE(
      Parse(absl::string_view(bytes).substr(0, bytes.size() - 1)).ok());
}

// A source of more bytes than there can be: offsets near 2^64 must not wrap.
class EndlessSource final : public ByteSource {
 public:
  explicit EndlessSource(std::string head) : head_(std::move(head)) {}
  Bytes size() const override { return Bytes(UINT64_MAX); }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i] = offset + i < head_.size() ? head_[offset + i] : '\0';
    }
    return absl::OkStatus();
  }

 private:
  std::string head_;
};

TEST(GgufTest, OffsetsNearTheEndOfAllNumbersDoNotWrap) {
  const uint64_t last = UINT64_MAX - 31;
  for (const uint64_t offset : {last, last - 32, last - 64}) {
    GgufWriter writer;
    writer.data_size = 0;
    writer.Add({"a", {64}, 0, offset});
    const absl::Status status =
        ParseGguf(EndlessSource(writer.Write())).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << offset;
  }
  GgufWriter writer;
  writer.data_size = 0;
  writer.Add({"a", {64}, 0, uint64_t{1} << 63});
  EXPECT_TRUE(ParseGguf(EndlessSource(writer.Write())).ok());
}

TEST(GgufTest, AHeaderOfAHundredMegabytesIsTheLimit) {
  GgufWriter writer;
  writer.Set("k", ByteWriter()
                      .Type(GgufType::kArray)
                      .Type(GgufType::kUint8)
                      .U64(200'000'000));
  const absl::Status status = ParseGguf(EndlessSource(writer.Write())).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("200000000"));
}

// The count alone must not become memory, even where the file is large enough.
TEST(GgufTest, MoreThanAMillionTensorsAreRefused) {
  GgufWriter writer;
  writer.tensor_count = (uint64_t{1} << 20) + 1;
  const absl::Status status = ParseGguf(EndlessSource(writer.Write())).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("1048577 tensors"));
}

TEST(GgufTest, AnErrorOfTheSourceIsPassedOn) {
  class Broken final : public ByteSource {
   public:
    Bytes size() const override { return KiB(4); }
    absl::Status ReadAt(uint64_t, absl::Span<char>) const override {
      return absl::InternalError("the disk is gone");
    }
  };
  const absl::Status status = ParseGguf(Broken()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(status.message(), HasSubstr("the disk is gone"));
}

}  // namespace
}  // namespace governor
