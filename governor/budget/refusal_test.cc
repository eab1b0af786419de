#include "governor/budget/refusal.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

const Refusal kRefusal{.asked = MiB(2),
                       .granted = GiB(1),
                       .limit = GiB(1),
                       .headroom = Bytes(0),
                       .limited_by = "budget",
                       .tag = "kv",
                       .holders = {{"kv", MiB(900)}, {"a b", MiB(124)}}};

TEST(RefusalTest, TravelsInAStatus) {
  const absl::Status status = RefusalStatus(kRefusal);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RefusalOf(status), kRefusal);
  Refusal bare = kRefusal;
  bare.holders.clear();
  EXPECT_EQ(RefusalOf(RefusalStatus(bare)), bare);
}

TEST(RefusalTest, OtherStatusesCarryNone) {
  EXPECT_EQ(RefusalOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(RefusalOf(absl::ResourceExhaustedError("else")), std::nullopt);
}

TEST(RefusalTest, TheMessageHasEveryNumberAndARemedy) {
  const std::string message(RefusalStatus(kRefusal).message());
  for (const char* part :
       {"2MiB", "2097152", "1GiB", "'kv'", "kv 900MiB", "a b 124MiB",
        "headroom 0B", "give blocks or leases back", "GOVERNOR_BUDGET"}) {
    EXPECT_THAT(message, testing::HasSubstr(part));
  }
}

TEST(RefusalTest, TheRemedyFitsTheLimit) {
  Refusal refusal = kRefusal;
  refusal.asked = GiB(2);
  EXPECT_THAT(std::string(RefusalStatus(refusal).message()),
              testing::HasSubstr("can never fit"));
  refusal.limited_by = "driver";
  EXPECT_THAT(std::string(RefusalStatus(refusal).message()),
              testing::HasSubstr("taken by others"));
}

}  // namespace
}  // namespace governor
