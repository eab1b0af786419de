#include "governor/plan_flags.h"

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// 1000 blocks of 16 tokens, for one sequence of 4000 tokens.
Plan SmallPlan() {
  Plan plan;
  plan.fits = true;
  plan.budget = GiB(8);
  plan.stages.emplace_back();
  plan.layout.block_tokens = 16;
  plan.layout.block_by_stage = {MiB(2)};
  plan.layout.sequence_by_stage = {Bytes()};
  plan.num_blocks = 1000;
  plan.max_model_len = 4000;
  plan.required_sequences = 1;
  return plan;
}

PlanRequest For(Engine engine) {
  PlanRequest request;
  request.layout.engine = engine;
  return request;
}

std::string Notes(const PlanFlags& flags) {
  return absl::StrJoin(flags.notes, "\n");
}

TEST(PlanFlagsTest, SequencesAreSaidOnlyWhereSomebodyAskedForThem) {
  PlanRequest request = For(Engine::kVllm);
  PlanFlags flags = PlanFlagsOf(SmallPlan(), request, {.model = "m"}, {});
  ASSERT_EQ(flags.lines.size(), 1u) << Notes(flags);
  EXPECT_FALSE(absl::StrContains(flags.lines[0], "--max-num-seqs"));
  request.max_seqs = 1;
  flags = PlanFlagsOf(SmallPlan(), request, {.model = "m"}, {});
  ASSERT_EQ(flags.lines.size(), 1u) << Notes(flags);
  EXPECT_TRUE(absl::StrContains(flags.lines[0], "--max-num-seqs 1 "));
}

TEST(PlanFlagsTest, TheDraftAndTheAdaptersReachTheEngine) {
  const PlanFlags flags =
      PlanFlagsOf(SmallPlan(), For(Engine::kLlamaCpp),
                  {.model = "m", .draft = "d", .adapters = {"a", "b"}}, {});
  ASSERT_EQ(flags.lines.size(), 1u) << Notes(flags);
  EXPECT_TRUE(absl::StrContains(flags.lines[0], " -md d --lora a,b"))
      << flags.lines[0];
}

TEST(PlanFlagsTest, PathsThatATerminalWouldActOnAreNotPrinted) {
  for (const char* path : {"a\nb", "a\x1b[2Jb", "a\x7f",
                           "a\xc2\x9b"
                           "2J",
                           "a\xff"}) {
    for (const PlanPaths& paths :
         {PlanPaths{.model = path}, PlanPaths{.model = "m", .draft = path},
          PlanPaths{.model = "m", .adapters = {path}}}) {
      const PlanFlags flags =
          PlanFlagsOf(SmallPlan(), For(Engine::kVllm), paths, {});
      EXPECT_TRUE(flags.lines.empty());
      ASSERT_EQ(flags.notes.size(), 1u);
      EXPECT_TRUE(absl::StrContains(flags.notes[0], "control characters"));
      EXPECT_TRUE(absl::EndsWith(flags.notes[0], "."));
    }
  }
}

TEST(PlanFlagsTest, WhatOptionsCannotExpressIsANote) {
  PlanRequest request = For(Engine::kTensorRtLlm);
  request.layout.kv_dtype = KvDtype::kInt8;
  PlanFlags flags = PlanFlagsOf(SmallPlan(), request, {.model = "m"}, {});
  EXPECT_TRUE(flags.lines.empty());
  EXPECT_TRUE(absl::StrContains(Notes(flags), "There are no flags of trtllm: "))
      << Notes(flags);
  Plan too_large = SmallPlan();
  too_large.fits = false;
  flags = PlanFlagsOf(too_large, For(Engine::kVllm), {.model = "m"}, {});
  EXPECT_TRUE(flags.lines.empty());
  EXPECT_TRUE(absl::StrContains(Notes(flags), "does not fit.")) << Notes(flags);
}

}  // namespace
}  // namespace governor
