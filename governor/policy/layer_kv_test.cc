#include "governor/policy/layer_kv.h"

#include <cstdint>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

LayerShape Layer(uint64_t kv_heads, uint64_t k, uint64_t v) {
  return {.kv = {FullAttention{{.query_heads = kv_heads,
                                .kv_heads = kv_heads,
                                .head_size_k = k,
                                .head_size_v = v}}}};
}

TEST(LayerKvTest, FullAttentionKeepsKAndVOfEachToken) {
  const struct {
    LayerShape layer;
    KvDtype dtype;
    uint64_t per_token;
  } kCases[] = {
      {Layer(3, 64, 64), KvDtype::kBf16, 768},     // SmolLM2
      {Layer(8, 128, 128), KvDtype::kBf16, 4096},  // Llama 3.1 8B
      {Layer(8, 128, 128), KvDtype::kFp8, 2048},
      {Layer(8, 128, 128), KvDtype::kQ8_0, 2176},
      {Layer(8, 128, 128), KvDtype::kQ4_0, 1152},
      {Layer(1, 192, 128), KvDtype::kFp16, 640},  // K and V may differ
      {Layer(1, 1, 1), KvDtype::kInt8, 2},
  };
  for (const auto& c : kCases) {
    const absl::StatusOr<Bytes> size = KvPerToken(c.layer, c.dtype);
    ASSERT_TRUE(size.ok()) << size.status();
    EXPECT_EQ(*size, Bytes(c.per_token));
  }
}

TEST(LayerKvTest, RefusesWhatItCannotMultiply) {
  for (const LayerShape& layer :
       {Layer(0, 64, 64), Layer(1, 0, 64), Layer(1, 64, 0),
        Layer(UINT64_MAX, 64, 64), Layer(1, UINT64_MAX, 64),
        Layer(1, uint64_t{1} << 62, uint64_t{1} << 62)}) {
    EXPECT_EQ(KvPerToken(layer, KvDtype::kBf16).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(LayerKvTest, BlocksMustDivideAHead) {
  EXPECT_TRUE(KvPerToken(Layer(2, 48, 48), KvDtype::kFp8).ok());
  const absl::Status status =
      KvPerTokenByLayer({Layer(2, 64, 64), Layer(2, 64, 48)}, KvDtype::kQ8_0)
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("layer 1"));
  EXPECT_THAT(status.message(), HasSubstr("head_size_v 48"));
}

}  // namespace
}  // namespace governor
