#include "governor/policy/vllm_kv_dtype.h"

#include <optional>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

absl::StatusOr<KvDtype> Resolve(const VllmTraits& traits,
                                ComputeCapability capability,
                                std::optional<KvDtype> asked,
                                Platform platform = Platform::kCuda) {
  KvLayoutRequest request;
  request.platform = platform;
  request.compute_capability = capability;
  request.kv_dtype = asked;
  std::vector<std::string> notes;
  return VllmKvDtype(traits, request, notes);
}

constexpr VllmTraits kDense = {.attention = true};
constexpr VllmTraits kLatent = {.attention = true, .latent = true};
constexpr VllmTraits kSparse = {
    .attention = true, .latent = true, .sparse = true};

void ExpectUnimplemented(const absl::StatusOr<KvDtype>& dtype) {
  EXPECT_EQ(dtype.status().code(), absl::StatusCode::kUnimplemented);
}

TEST(VllmKvDtypeTest, AutoIsTheModelsOwn) {
  EXPECT_EQ(Resolve(kDense, {12, 1}, std::nullopt).value(), KvDtype::kBf16);
  VllmTraits half = kDense;
  half.compute = KvDtype::kFp16;
  EXPECT_EQ(Resolve(half, {12, 1}, std::nullopt).value(), KvDtype::kFp16);
  EXPECT_EQ(Resolve(kLatent, {9, 0}, KvDtype::kFp8).value(), KvDtype::kFp8);
}

// DeepSeek V3.2 and GLM 5.1, as vLLM 0.32 resolves them.
TEST(VllmKvDtypeTest, SparseLatentsDependOnTheDevice) {
  EXPECT_EQ(Resolve(kSparse, {9, 0}, std::nullopt).value(), KvDtype::kBf16);
  EXPECT_EQ(Resolve(kSparse, {9, 0}, KvDtype::kFp8).value(),
            KvDtype::kFp8DsMla);
  EXPECT_EQ(Resolve(kSparse, {10, 0}, std::nullopt).value(), KvDtype::kBf16);
  EXPECT_EQ(Resolve(kSparse, {10, 0}, KvDtype::kFp8).value(), KvDtype::kFp8);
  EXPECT_EQ(Resolve(kSparse, {12, 1}, std::nullopt).value(),
            KvDtype::kFp8DsMla);
  EXPECT_EQ(Resolve(kSparse, {12, 0}, KvDtype::kFp8).value(),
            KvDtype::kFp8DsMla);
  VllmTraits glm = kSparse;
  glm.glm = true;
  EXPECT_EQ(Resolve(glm, {10, 0}, std::nullopt).value(), KvDtype::kFp8);
  EXPECT_EQ(Resolve(glm, {9, 0}, std::nullopt).value(), KvDtype::kBf16);
  ExpectUnimplemented(Resolve(kSparse, {8, 9}, std::nullopt));
  ExpectUnimplemented(Resolve(kSparse, {8, 0}, KvDtype::kFp8));
  ExpectUnimplemented(Resolve(kSparse, {}, std::nullopt, Platform::kCpu));
}

TEST(VllmKvDtypeTest, CompressedLatentsHaveOneFormat) {
  const VllmTraits v4 = {.attention = true, .compressed = true};
  EXPECT_EQ(Resolve(v4, {9, 0}, std::nullopt).value(), KvDtype::kFp8DsMla);
  EXPECT_EQ(Resolve(v4, {12, 0}, KvDtype::kFp8).value(), KvDtype::kFp8DsMla);
  ExpectUnimplemented(Resolve(v4, {9, 0}, KvDtype::kBf16));
}

// Before 8.9, FlashInfer reads fp8 and Triton does not.
TEST(VllmKvDtypeTest, TritonNeedsNativeFp8) {
  EXPECT_EQ(Resolve(kDense, {8, 0}, KvDtype::kFp8).value(), KvDtype::kFp8);
  ExpectUnimplemented(Resolve(kLatent, {8, 0}, KvDtype::kFp8));
  EXPECT_EQ(Resolve(kLatent, {8, 9}, KvDtype::kFp8).value(), KvDtype::kFp8);
  EXPECT_EQ(Resolve(kLatent, {8, 0}, std::nullopt).value(), KvDtype::kBf16);
  VllmTraits gpt_oss = kDense;
  gpt_oss.sinks = true;
  ExpectUnimplemented(Resolve(gpt_oss, {8, 0}, KvDtype::kFp8));
  VllmTraits gemma4 = kDense;
  gemma4.wide_heads = true;
  ExpectUnimplemented(Resolve(gemma4, {8, 0}, KvDtype::kFp8));
  EXPECT_EQ(Resolve(gemma4, {9, 0}, KvDtype::kFp8).value(), KvDtype::kFp8);
}

TEST(VllmKvDtypeTest, ADtypeOfAnotherEngineIsRefusedWithARemedy) {
  for (const KvDtype dtype :
       {KvDtype::kQ8_0, KvDtype::kQ4_0, KvDtype::kIq4Nl, KvDtype::kInt8,
        KvDtype::kFp32, KvDtype::kFp8DsMla}) {
    const auto refused = Resolve(kDense, {9, 0}, dtype);
    ExpectUnimplemented(refused);
    EXPECT_THAT(std::string(refused.status().message()),
                testing::HasSubstr("use "));
  }
  ExpectUnimplemented(Resolve(kLatent, {9, 0}, KvDtype::kInt8PerTokenHead));
  ExpectUnimplemented(
      Resolve(kDense, {}, KvDtype::kInt8PerTokenHead, Platform::kCpu));
  EXPECT_TRUE(Resolve(kDense, {9, 0}, KvDtype::kInt8PerTokenHead).ok());
}

TEST(VllmKvDtypeTest, LatentsBesideStatesNeedAGpu) {
  VllmTraits k3 = kLatent;
  k3.state = true;
  ExpectUnimplemented(Resolve(k3, {}, std::nullopt, Platform::kCpu));
  EXPECT_TRUE(Resolve(k3, {9, 0}, std::nullopt).ok());
  EXPECT_TRUE(Resolve(kLatent, {}, std::nullopt, Platform::kCpu).ok());
}

}  // namespace
}  // namespace governor
