#include "governor/model/safetensors_index.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/hostile_safetensors.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<SafetensorsIndex> Parse(absl::string_view bytes) {
  return ParseSafetensorsIndex(MemoryByteSource(bytes));
}

std::vector<std::string> TensorsOf(const SafetensorsIndex& index,
                                   size_t shard) {
  std::vector<std::string> names;
  for (size_t i = 0; i < index.tensor_count(shard); ++i) {
    names.emplace_back(index.tensor(shard, i));
  }
  return names;
}

TEST(SafetensorsIndexTest, GroupsTensorsByShard) {
  const absl::StatusOr<SafetensorsIndex> index = Parse(R"({
      "metadata": {"total_parameters": 12, "total_size": 24, "x": [{}]},
      "weight_map": {"c": "2.safetensors", "a": "1.safetensors",
                     "d": "1.safetensors", "b": "2.safetensors"},
      "more": {"weight_map": {"e": 1}, "total_size": 7}})");
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->total_size(), Bytes(24));
  ASSERT_EQ(index->shard_count(), 2u);
  EXPECT_EQ(index->shard(0), "2.safetensors");
  EXPECT_THAT(TensorsOf(*index, 0), ElementsAre("b", "c"));
  EXPECT_EQ(index->shard(1), "1.safetensors");
  EXPECT_THAT(TensorsOf(*index, 1), ElementsAre("a", "d"));
}

TEST(SafetensorsIndexTest, ReadsWhatAWriterWrote) {
  ShardWriters shards;
  shards[ShardName(1, 2)].Add("a", "F32", {3}).Add("c", "F32", {});
  shards[ShardName(2, 2)].Add("b", "BF16", {4});
  const absl::StatusOr<SafetensorsIndex> index = Parse(IndexOf(shards));
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->total_size(), Bytes(24));
  EXPECT_EQ(index->shard(0), "model-00001-of-00002.safetensors");
  EXPECT_THAT(TensorsOf(*index, 0), ElementsAre("a", "c"));
}

TEST(SafetensorsIndexTest, ATotalThatIsNoWholeNumberIsNone) {
  for (const char* total : {"1.5", "-1", "\"24\"", "null", "{}", "1e40"}) {
    const absl::StatusOr<SafetensorsIndex> index =
        Parse(absl::StrCat("{\"metadata\": {\"total_size\": ", total,
                           "}, \"weight_map\": {\"a\": \"a.safetensors\"}}"));
    ASSERT_TRUE(index.ok()) << index.status();
    EXPECT_FALSE(index->total_size()) << total;
  }
  const absl::StatusOr<SafetensorsIndex> nested = Parse(
      R"({"metadata": {"total_size": [24], "x": {"total_size": 3}},
          "weight_map": {"a": "a.safetensors"}, "total_size": 4})");
  ASSERT_TRUE(nested.ok()) << nested.status();
  EXPECT_FALSE(nested->total_size());
}

TEST(SafetensorsIndexTest, TenThousandShardsAreTheLimit) {
  const auto shards = [](int count) {
    std::string json = "{\"weight_map\":{";
    for (int i = 0; i < count; ++i) {
      absl::StrAppend(&json, i == 0 ? "" : ",", "\"", i, "\":\"", i,
                      ".safetensors\"");
    }
    return Parse(json + "}}");
  };
  const absl::StatusOr<SafetensorsIndex> most = shards(10'000);
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->shard_count(), 10'000u);
  EXPECT_THAT(TensorsOf(*most, 9'999), ElementsAre("9999"));
  EXPECT_THAT(std::string(shards(10'001).status().message()),
              HasSubstr("more than 10000 shards"));
}

TEST(SafetensorsIndexTest, AHundredMegabytesAreTheLimit) {
  class Large final : public ByteSource {
   public:
    Bytes size() const override { return Bytes(100'000'001); }
    absl::Status ReadAt(uint64_t, absl::Span<char>) const override {
      return absl::InternalError("was read");
    }
  };
  EXPECT_THAT(std::string(ParseSafetensorsIndex(Large()).status().message()),
              HasSubstr("100000001 bytes, and the limit is 100000000"));
}

// Each case of the hostile list, by name.
class HostileIndexTest : public testing::TestWithParam<HostileFile> {};

TEST_P(HostileIndexTest, IsRefusedByName) {
  const HostileFile& hostile = GetParam();
  EXPECT_LE(hostile.bytes.size(), 4096u);
  const absl::Status status = Parse(hostile.bytes).status();
  EXPECT_EQ(status.code(), hostile.code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(hostile.message));
}

INSTANTIATE_TEST_SUITE_P(All, HostileIndexTest,
                         testing::ValuesIn(HostileSafetensorsIndexes()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace governor
