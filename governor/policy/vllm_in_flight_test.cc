#include "governor/policy/vllm_in_flight.h"

#include <limits>

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(VllmInFlightTest, LargerDevicesBatchMoreTokens) {
  const struct {
    ComputeCapability capability;
    uint64_t tokens;
  } kCases[] = {{{8, 0}, 2048},   {{8, 9}, 2048},  {{9, 0}, 8192},
                {{10, 0}, 16384}, {{11, 0}, 8192}, {{12, 0}, 2048},
                {kDgxSpark, 8192}};
  for (const auto& c : kCases) {
    KvLayoutRequest request;
    request.compute_capability = c.capability;
    EXPECT_EQ(VllmBatchedTokens(request), c.tokens) << ToString(c.capability);
  }
}

TEST(VllmInFlightTest, EachCpuRankAddsItsTokens) {
  KvLayoutRequest request;
  request.platform = Platform::kCpu;
  EXPECT_EQ(VllmBatchedTokens(request), 2048u);
  request.tensor_parallel = 8;
  EXPECT_EQ(VllmBatchedTokens(request), 16384u);
  request.tensor_parallel = uint64_t{1} << 60;
  EXPECT_EQ(VllmBatchedTokens(request), std::numeric_limits<uint64_t>::max());
}

TEST(VllmInFlightTest, CudaPreparesOneStepMore) {
  KvLayoutRequest request;
  EXPECT_EQ(VllmStepsInFlight(request), 2u);
  request.pipeline_parallel = 2;
  EXPECT_EQ(VllmStepsInFlight(request), 3u);
  request.platform = Platform::kCpu;
  EXPECT_EQ(VllmStepsInFlight(request), 2u);
}

}  // namespace
}  // namespace governor
