#include "governor/policy/vllm_block_size.h"

#include <optional>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

struct Case {
  VllmTraits traits;
  ComputeCapability capability = {9, 0};
  KvDtype dtype = KvDtype::kBf16;
  std::optional<uint64_t> asked = std::nullopt;
  Platform platform = Platform::kCuda;
};

absl::StatusOr<uint64_t> BlockTokens(const Case& c) {
  KvLayoutRequest request;
  request.platform = c.platform;
  request.compute_capability = c.capability;
  request.block_tokens = c.asked;
  std::vector<std::string> notes;
  return VllmBlockTokens(c.traits, request, c.dtype, notes);
}

constexpr VllmTraits kDense = {.attention = true};
constexpr VllmTraits kLatent = {.attention = true, .latent = true};
constexpr VllmTraits kSparse = {
    .attention = true, .latent = true, .sparse = true};
constexpr VllmTraits kM3 = {.attention = true, .plain_indexer = true};
constexpr VllmTraits kV4 = {.attention = true, .compressed = true};
constexpr VllmTraits kGemma4 = {.attention = true, .wide_heads = true};

// What vLLM 0.32 chose for models of each kind on each device.
TEST(VllmBlockSizeTest, KernelsPreferTheirOwnBlocks) {
  const struct {
    Case input;
    uint64_t tokens;
  } kCases[] = {
      {{kDense}, 16},
      {{kDense, {10, 0}}, 16},
      {{kDense, {12, 1}, KvDtype::kFp8}, 16},
      {{kLatent}, 16},
      {{kLatent, {9, 0}, KvDtype::kFp8}, 64},
      {{kLatent, {10, 0}}, 32},
      {{kLatent, {10, 0}, KvDtype::kFp8}, 32},
      {{kLatent, {12, 0}, KvDtype::kFp8}, 16},
      {{kLatent, {8, 0}}, 16},
      {{kSparse}, 64},
      {{kSparse, {12, 1}, KvDtype::kFp8DsMla}, 64},
      {{kM3, {12, 0}}, 128},
      {{kV4, {12, 0}, KvDtype::kFp8DsMla}, 256},
      {{kGemma4}, 16},
      {{kGemma4, {9, 0}, KvDtype::kFp8}, 64},
      {{kGemma4, {10, 0}}, 64},
      {{kGemma4, {12, 0}, KvDtype::kFp8}, 16},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(BlockTokens(c.input).value(), c.tokens)
        << &c - kCases << " on " << ToString(c.input.capability);
  }
}

TEST(VllmBlockSizeTest, CpuBlocksAreLargeButOfLatents) {
  EXPECT_EQ(
      BlockTokens({kDense, {}, KvDtype::kBf16, {}, Platform::kCpu}).value(),
      128u);
  EXPECT_EQ(
      BlockTokens({kLatent, {}, KvDtype::kBf16, {}, Platform::kCpu}).value(),
      16u);
  // Overridden even where asked for.
  EXPECT_EQ(
      BlockTokens({kLatent, {}, KvDtype::kBf16, 128, Platform::kCpu}).value(),
      16u);
}

TEST(VllmBlockSizeTest, WhatIsAskedForMustSuitAKernel) {
  EXPECT_EQ(BlockTokens({kDense, {9, 0}, KvDtype::kBf16, 32}).value(), 32u);
  // Triton takes what FlashMLA does not.
  EXPECT_EQ(BlockTokens({kLatent, {9, 0}, KvDtype::kFp8, 16}).value(), 16u);
  EXPECT_EQ(BlockTokens({kLatent, {9, 0}, KvDtype::kBf16, 128}).value(), 128u);
  for (const Case& refused :
       {Case{kDense, {9, 0}, KvDtype::kBf16, 0},
        Case{kDense, {9, 0}, KvDtype::kBf16, 24},
        Case{kSparse, {9, 0}, KvDtype::kBf16, 16},
        Case{kM3, {9, 0}, KvDtype::kBf16, 256},
        Case{kV4, {9, 0}, KvDtype::kFp8DsMla, 64},
        Case{kDense, {}, KvDtype::kBf16, 16, Platform::kCpu}}) {
    EXPECT_EQ(BlockTokens(refused).status().code(),
              absl::StatusCode::kInvalidArgument)
        << *refused.asked;
  }
}

TEST(VllmBlockSizeTest, HybridBlocksAreMultiplesOfTheKernels) {
  EXPECT_EQ(VllmHybridAlignment(kDense, Platform::kCuda, 16), 16u);
  EXPECT_EQ(VllmHybridAlignment(kDense, Platform::kCuda, 64), 64u);
  EXPECT_EQ(VllmHybridAlignment(kDense, Platform::kCpu, 128), 128u);
  EXPECT_EQ(VllmHybridAlignment(kLatent, Platform::kCuda, 64), 128u);
}

}  // namespace
}  // namespace governor
