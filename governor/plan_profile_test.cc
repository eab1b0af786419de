#include "governor/plan_profile.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

ModelShape Llama() {
  ModelShape model;
  model.architecture = "llama";
  model.name = "Llama 8B";
  return model;
}

PlanProfile Stored() {
  return {.name = "p",
          .model = "llama/Llama 8B",
          .engine = "vllm",
          .device = "NVIDIA GB10",
          .driver = "CUDA 13.0",
          .activations = MiB(3),
          .allowance = MiB(5),
          .graphs = MiB(7),
          .stored = "2026-11-21"};
}

TEST(PlanProfileTest, FillsInWhatIsNotGiven) {
  PlanRequest request;
  const std::vector<std::string> notes =
      ApplyProfile(Stored(), Llama(), request);
  EXPECT_EQ(request.activations, MiB(3));
  EXPECT_EQ(request.allowance, MiB(5));
  EXPECT_EQ(request.graphs, MiB(7));
  EXPECT_EQ(request.profile, "p");
  EXPECT_THAT(
      notes,
      ElementsAre("Profile 'p' was stored on 2026-11-21 for model "
                  "'llama/Llama 8B', engine vllm, device NVIDIA GB10, driver "
                  "CUDA 13.0."));
}

TEST(PlanProfileTest, WhatIsGivenWinsAndANoteNamesBoth) {
  PlanRequest request;
  request.allowance = MiB(50);
  request.activations = MiB(30);
  const std::vector<std::string> notes =
      ApplyProfile(Stored(), Llama(), request);
  EXPECT_EQ(request.activations, MiB(30));
  EXPECT_EQ(request.allowance, MiB(50));
  EXPECT_EQ(request.graphs, MiB(7));
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_THAT(notes[1],
              AllOf(HasSubstr("31457280"), HasSubstr("3145728 bytes")));
  EXPECT_THAT(notes[2], AllOf(HasSubstr("52428800"), HasSubstr("5242880 ")));
}

TEST(PlanProfileTest, WithoutGraphsNoneAreFilledIn) {
  PlanProfile profile = Stored();
  profile.graphs.reset();
  PlanRequest request;
  ApplyProfile(profile, Llama(), request);
  EXPECT_EQ(request.graphs, std::nullopt);
}

TEST(PlanProfileTest, AnotherModelOrEngineIsNoted) {
  PlanRequest request;
  request.layout.engine = Engine::kSglang;
  ModelShape model = Llama();
  model.name = "Llama 70B";
  const std::vector<std::string> notes = ApplyProfile(Stored(), model, request);
  ASSERT_EQ(notes.size(), 3u);
  EXPECT_THAT(notes[1], AllOf(HasSubstr("'llama/Llama 8B'"),
                              HasSubstr("'llama/Llama 70B'")));
  EXPECT_THAT(notes[2], AllOf(HasSubstr("'vllm'"), HasSubstr("'sglang'")));
}

TEST(PlanProfileTest, TextsFromAFileDoNotReachTheTerminalAsTheyAre) {
  PlanProfile profile = Stored();
  profile.model = profile.device = profile.driver = profile.note =
      profile.stored = profile.engine = "\x1b[2J";
  PlanRequest request;
  EXPECT_THAT(ApplyProfile(profile, Llama(), request),
              Each(Not(HasSubstr("\x1b"))));
}

TEST(PlanProfileTest, AModelWithoutANameIsItsArchitecture) {
  ModelShape model = Llama();
  EXPECT_EQ(ProfileModel(model), "llama/Llama 8B");
  model.name = "";
  EXPECT_EQ(ProfileModel(model), "llama");
}

TEST(PlanProfileTest, NamesAreShortAndPlain) {
  PlanProfile profile = Stored();
  for (const char* name : {"a", "Llama-3.1_8B.vllm", "-", "0"}) {
    profile.name = name;
    EXPECT_TRUE(CheckProfile(profile).ok()) << name;
  }
  profile.name.assign(64, 'x');
  EXPECT_TRUE(CheckProfile(profile).ok());
  for (const std::string& name :
       {std::string(), std::string(65, 'x'), std::string("a b"),
        std::string("a/b"), std::string("a\n"), std::string("a\0b", 3)}) {
    profile.name = name;
    EXPECT_EQ(CheckProfile(profile).code(), absl::StatusCode::kInvalidArgument)
        << name;
  }
}

}  // namespace
}  // namespace governor
