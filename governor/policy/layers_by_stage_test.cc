#include "governor/policy/layers_by_stage.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::ElementsAre;

TEST(LayersByStageTest, SharesAreEqualWhereTheyCanBe) {
  EXPECT_THAT(LayersByStage(32, 1), ElementsAre(32));
  EXPECT_THAT(LayersByStage(48, 4), ElementsAre(12, 12, 12, 12));
}

// DeepSeek V3's 61 layers on two stages are vLLM's own 31 and 30.
TEST(LayersByStageTest, TheLastStageGetsNoneOfTheRest) {
  EXPECT_THAT(LayersByStage(61, 2), ElementsAre(31, 30));
  EXPECT_THAT(LayersByStage(62, 4), ElementsAre(15, 16, 16, 15));
  EXPECT_THAT(LayersByStage(63, 4), ElementsAre(16, 16, 16, 15));
}

}  // namespace
}  // namespace governor
