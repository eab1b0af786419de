#include "governor/policy/vllm_state.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

uint64_t ElementBytes(KvSpec state, bool float32_model, Platform platform,
                      StateDtype asked = StateDtype::kUnsaid) {
  KvLayoutRequest request;
  request.platform = platform;
  request.state_dtype = asked;
  VllmTraits traits;
  traits.float32_state = float32_model;
  return VllmStateElementBytes(state, traits, request);
}

TEST(VllmStateTest, TheRequestThenTheModelThenTheFamilyDecides) {
  constexpr auto kCuda = Platform::kCuda;
  EXPECT_EQ(ElementBytes(DeltaNetState(), false, kCuda), 2u);
  EXPECT_EQ(ElementBytes(DeltaNetState(), true, kCuda), 4u);
  EXPECT_EQ(ElementBytes(KimiDeltaState(), false, kCuda), 4u);
  const DeltaNetState said = {.dtype = StateDtype::kFloat32};
  EXPECT_EQ(ElementBytes(said, false, kCuda), 4u);
  EXPECT_EQ(ElementBytes(said, false, kCuda, StateDtype::kBfloat16), 2u);
  EXPECT_EQ(ElementBytes(Mamba2State(), false, kCuda, StateDtype::kFloat32),
            4u);
}

// With AVX512-BF16; only a gated delta net keeps what the user asks for.
TEST(VllmStateTest, StatesAreFloat32OnACpu) {
  constexpr auto kCpu = Platform::kCpu;
  EXPECT_EQ(ElementBytes(Mamba2State(), false, kCpu), 4u);
  EXPECT_EQ(ElementBytes(DeltaNetState(), false, kCpu), 4u);
  EXPECT_EQ(ElementBytes(Mamba2State(), false, kCpu, StateDtype::kBfloat16),
            4u);
  EXPECT_EQ(ElementBytes(DeltaNetState(), false, kCpu, StateDtype::kBfloat16),
            2u);
}

TEST(VllmStateTest, SomeKernelsExportAState) {
  KvLayoutRequest request;
  request.compute_capability = {9, 0};
  EXPECT_TRUE(VllmExportsState(Mamba2State(), request));
  EXPECT_TRUE(VllmExportsState(KimiDeltaState(), request));
  EXPECT_FALSE(VllmExportsState(DeltaNetState(), request));
  EXPECT_FALSE(VllmExportsState(Mamba1State(), request));
  request.compute_capability = {8, 9};
  EXPECT_TRUE(VllmExportsState(Mamba2State(), request));
  EXPECT_FALSE(VllmExportsState(KimiDeltaState(), request));
}

}  // namespace
}  // namespace governor
