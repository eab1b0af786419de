// Every scenario of scenarios.cc in C++, under every fault of sweep.h.

#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "tests/fault/governor_world.h"
#include "tests/fault/scenarios.h"
#include "tests/fault/sweep.h"

namespace governor {
namespace {

class FaultSweepTest : public testing::TestWithParam<Scenario> {
 protected:
  Sweep sweep_{GetParam(), [] { return std::make_unique<GovernorWorld>(); }};
};

TEST_P(FaultSweepTest, DriverCalls) { sweep_.DriverCalls(); }

TEST_P(FaultSweepTest, PairsOfDriverCalls) {
  if (GetParam().traits.is_hot) sweep_.PairsOfDriverCalls();
}

TEST_P(FaultSweepTest, Allocations) { sweep_.Allocations(); }

TEST_P(FaultSweepTest, DriverCallsWithoutMemory) {
  sweep_.DriverCallsWithoutMemory();
}

INSTANTIATE_TEST_SUITE_P(Scenarios, FaultSweepTest,
                         testing::ValuesIn(Scenarios()),
                         [](const testing::TestParamInfo<Scenario>& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace governor
