#include "governor/policy/rehearsal.h"

#include <random>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

const RehearsedPhase kLoad = {.name = "load", .size = GiB(30)};
const RehearsedPhase kCapture = {
    .name = "capture", .size = GiB(4), .transient = true};
const RehearsedPhase kServe = {
    .name = "serve", .size = GiB(6), .transient = false, .reclaimable = true};

Rehearsal Play(Bytes budget, const std::vector<RehearsedPhase>& phases) {
  const auto rehearsal = Rehearse(budget, GiB(1), phases);
  EXPECT_TRUE(rehearsal.ok()) << rehearsal.status();
  return rehearsal.ok() ? *rehearsal : Rehearsal{};
}

TEST(RehearsalTest, WhatStaysAddsUpAndWhatIsTransientGoes) {
  const Rehearsal rehearsal = Play(GiB(40), {kLoad, kCapture, kServe});
  EXPECT_TRUE(rehearsal.fits);
  ASSERT_EQ(rehearsal.outcomes.size(), 3u);
  EXPECT_EQ(rehearsal.outcomes[0].before, GiB(1));
  EXPECT_EQ(rehearsal.outcomes[0].during, GiB(31));
  EXPECT_EQ(rehearsal.outcomes[0].after, GiB(31));
  EXPECT_EQ(rehearsal.outcomes[1].before, GiB(31));
  EXPECT_EQ(rehearsal.outcomes[1].during, GiB(35));
  EXPECT_EQ(rehearsal.outcomes[1].after, GiB(31));
  EXPECT_EQ(rehearsal.outcomes[1].largest, GiB(9));
  EXPECT_EQ(rehearsal.outcomes[2].after, GiB(37));
  EXPECT_EQ(rehearsal.peak, GiB(37));
  EXPECT_EQ(rehearsal.smallest_budget, GiB(37));
  EXPECT_EQ(rehearsal.smallest_budget_unshrunk, GiB(37));
}

TEST(RehearsalTest, WhoIsReclaimableShrinksByWhatIsNeededAndIsRestored) {
  const Rehearsal rehearsal =
      Play(GiB(40), {kLoad, kServe, kCapture, kCapture});
  EXPECT_TRUE(rehearsal.fits);
  ASSERT_EQ(rehearsal.outcomes.size(), 4u);
  for (const size_t capture : {2, 3}) {
    const PhaseOutcome& outcome = rehearsal.outcomes[capture];
    ASSERT_EQ(outcome.shrinks.size(), 1u);
    EXPECT_EQ(outcome.shrinks[0].phase, 1u);
    EXPECT_EQ(outcome.shrinks[0].size, GiB(1));
    EXPECT_EQ(outcome.before, GiB(37));
    EXPECT_EQ(outcome.during, GiB(40));
    EXPECT_EQ(outcome.after, GiB(37));
  }
  EXPECT_EQ(rehearsal.smallest_budget, GiB(37));
  EXPECT_EQ(rehearsal.smallest_budget_unshrunk, GiB(41));
}

TEST(RehearsalTest, WhatStaysKeepsWhatItTook) {
  RehearsedPhase more = kLoad;
  more.size = GiB(5);
  const Rehearsal rehearsal = Play(GiB(40), {kLoad, kServe, more, kCapture});
  ASSERT_EQ(rehearsal.outcomes.size(), 4u);
  EXPECT_EQ(rehearsal.outcomes[2].shrinks.at(0).size, GiB(2));
  EXPECT_EQ(rehearsal.outcomes[2].after, GiB(40));
  EXPECT_EQ(rehearsal.outcomes[3].shrinks.at(0).size, GiB(4));
  EXPECT_EQ(rehearsal.outcomes[3].largest, GiB(4));
}

TEST(RehearsalTest, TheFirstThatDoesNotFitEndsItAndSaysWhatWould) {
  const Rehearsal rehearsal = Play(GiB(33), {kLoad, kCapture, kServe});
  EXPECT_FALSE(rehearsal.fits);
  ASSERT_EQ(rehearsal.outcomes.size(), 2u);
  EXPECT_EQ(rehearsal.outcomes[1].shortfall, GiB(2));
  EXPECT_EQ(rehearsal.outcomes[1].largest, GiB(2));
  EXPECT_EQ(rehearsal.outcomes[1].during, GiB(31));
  EXPECT_EQ(rehearsal.smallest_budget, GiB(37));
  EXPECT_EQ(rehearsal.peak, GiB(31));
}

TEST(RehearsalTest, MistakesAreNamed) {
  const auto message = [](Bytes budget, std::vector<RehearsedPhase> phases) {
    const absl::Status status = Rehearse(budget, GiB(1), phases).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_TRUE(absl::StrContains(message(GiB(8), {}), "load=30GiB"));
  EXPECT_TRUE(absl::StrContains(message(MiB(8), {kLoad}), "8MiB"));
  EXPECT_TRUE(absl::StrContains(
      message(GiB(8), {{.name = "a\nb", .size = GiB(1)}}), "'a\\nb'"));
  EXPECT_TRUE(absl::StrContains(
      message(GiB(8), {{.name = "idle", .size = Bytes()}}), "idle"));
  EXPECT_TRUE(absl::StrContains(message(GiB(8), {{.name = "both",
                                                  .size = GiB(1),
                                                  .transient = true,
                                                  .reclaimable = true}}),
                                "both"));
  const RehearsedPhase huge = {.name = "huge", .size = Bytes(~uint64_t{0} / 2)};
  EXPECT_TRUE(absl::StrContains(message(GiB(8), {huge, huge, huge}), "2^64"));
}

// The smallest budget is one: a byte less does not fit.
TEST(RehearsalTest, TheSmallestBudgetsAreTheSmallest) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<RehearsedPhase> phases;
    for (uint64_t i = 0; i <= random() % 6; ++i) {
      RehearsedPhase phase = {.name = "phase", .size = MiB(1 + random() % 999)};
      phase.transient = random() % 3 == 0;
      phase.reclaimable = !phase.transient && random() % 2 == 0;
      phases.push_back(phase);
    }
    const Rehearsal any = Play(GiB(100), phases);
    const Rehearsal least = Play(any.smallest_budget, phases);
    EXPECT_TRUE(least.fits);
    EXPECT_LE(least.peak, any.smallest_budget);
    EXPECT_FALSE(Play(any.smallest_budget - Bytes(1), phases).fits);
    bool shrunk = false;
    for (const auto& outcome :
         Play(any.smallest_budget_unshrunk - Bytes(1), phases).outcomes) {
      shrunk |= !outcome.shrinks.empty() || !outcome.shortfall.is_zero();
    }
    EXPECT_TRUE(shrunk);
    for (const auto& outcome :
         Play(any.smallest_budget_unshrunk, phases).outcomes) {
      EXPECT_TRUE(outcome.shrinks.empty());
    }
  }
}

}  // namespace
}  // namespace governor
