// Every scenario of scenarios.cc that C can do, through the C interface, under
// every fault of sweep.h.

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fault/c_world.h"
#include "tests/fault/scenarios.h"
#include "tests/fault/sweep.h"

namespace governor {
namespace {

class CFaultSweepTest : public testing::TestWithParam<Scenario> {
 protected:
  Sweep sweep_{GetParam(), [] { return std::make_unique<CWorld>(); }};
};

TEST_P(CFaultSweepTest, DriverCalls) { sweep_.DriverCalls(); }

TEST_P(CFaultSweepTest, PairsOfDriverCalls) {
  if (GetParam().traits.is_hot) sweep_.PairsOfDriverCalls();
}

TEST_P(CFaultSweepTest, Allocations) { sweep_.Allocations(); }

TEST_P(CFaultSweepTest, DriverCallsWithoutMemory) {
  sweep_.DriverCallsWithoutMemory();
}

INSTANTIATE_TEST_SUITE_P(Scenarios, CFaultSweepTest,
                         testing::ValuesIn(ScenariosKnownTo(CWorld())),
                         [](const testing::TestParamInfo<Scenario>& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace governor
