#include "governor/budget/refusal_oracle.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

// 60 of 100 held over steps 10 to 20.
RefusalOracle::History SixtyFromTenToTwenty() {
  RefusalOracle::History history;
  history.held.push_back({10, 20, Bytes(60)});
  return history;
}

uint64_t Judge(RefusalOracle::History::Refused refused) {
  RefusalOracle oracle(Bytes(100));
  oracle.Merge(SixtyFromTenToTwenty());
  RefusalOracle::History history;
  history.refused.push_back(refused);
  oracle.Merge(history);
  return oracle.CountFalseRefusals();
}

TEST(RefusalOracleTest, ARefusalWithRoomThroughoutIsFalse) {
  EXPECT_EQ(Judge({11, 19, Bytes(40)}), 1u);
  EXPECT_EQ(Judge({1, 5, Bytes(100)}), 1u);
  EXPECT_EQ(Judge({21, 25, Bytes(100)}), 1u);
}

TEST(RefusalOracleTest, ARefusalThatWasShortForAMomentIsRight) {
  EXPECT_EQ(Judge({11, 19, Bytes(41)}), 0u);
  EXPECT_EQ(Judge({1, 15, Bytes(41)}), 0u);
  EXPECT_EQ(Judge({15, 30, Bytes(41)}), 0u);
  EXPECT_EQ(Judge({1, 30, Bytes(41)}), 0u);
  EXPECT_EQ(Judge({21, 25, Bytes(101)}), 0u);
}

TEST(RefusalOracleTest, SumsOverlappingHolders) {
  RefusalOracle oracle(Bytes(100));
  RefusalOracle::History history;
  for (uint64_t i = 0; i < 10; ++i) {
    history.held.push_back({10 + i, 50 - i, Bytes(10)});
  }
  history.refused.push_back({30, 31, Bytes(1)});   // full: right
  history.refused.push_back({44, 45, Bytes(41)});  // 70 at 44: right
  history.refused.push_back({44, 45, Bytes(30)});  // fits beside 70: false
  oracle.Merge(history);
  EXPECT_EQ(oracle.CountFalseRefusals(), 1u);
}

}  // namespace
}  // namespace governor
