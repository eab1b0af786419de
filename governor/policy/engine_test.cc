#include "governor/policy/engine.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(EngineTest, EveryNameIsReadBack) {
  const struct {
    Engine engine;
    absl::string_view name;
  } kCases[] = {
      {Engine::kVllm, "vllm"},          {Engine::kSglang, "sglang"},
      {Engine::kLlamaCpp, "llama.cpp"}, {Engine::kTensorRtLlm, "trtllm"},
      {Engine::kOllama, "ollama"},      {Engine::kMax, "max"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(ToString(c.engine), c.name);
    ASSERT_TRUE(ParseEngine(c.name).ok()) << c.name;
    EXPECT_EQ(*ParseEngine(c.name), c.engine);
  }
}

TEST(EngineTest, AnotherNameIsRefusedWithTheListOfAll) {
  for (const char* name : {"", "vLLM", "llama-cpp", "vllm ", "\x01"}) {
    const absl::Status status = ParseEngine(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_TRUE(absl::StrContains(
        status.message(), "vllm, sglang, llama.cpp, trtllm, ollama, max"))
        << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "\x01"));
  }
}

TEST(ComputeCapabilityTest, IsTwoNumbers) {
  EXPECT_EQ(*ParseComputeCapability("9.0"), (ComputeCapability{9, 0}));
  EXPECT_EQ(*ParseComputeCapability("12.1"), kDgxSpark);
  EXPECT_EQ(ToString(ComputeCapability{10, 3}), "10.3");
}

TEST(ComputeCapabilityTest, NewerIsGreater) {
  EXPECT_LT((ComputeCapability{8, 9}), (ComputeCapability{9, 0}));
  EXPECT_LT((ComputeCapability{9, 0}), (ComputeCapability{10, 0}));
}

TEST(ComputeCapabilityTest, OneThatNoDeviceHasIsRefusedWithTheRange) {
  for (const char* text : {"99.9", "21.0", "4.9", "0.0", "12.10"}) {
    const absl::Status status = ParseComputeCapability(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    for (const char* part : {text, "5.0", "12.1", "20.9"}) {
      EXPECT_NE(status.message().find(part), absl::string_view::npos) << part;
    }
  }
  for (const char* text : {"5.0", "12.1", "20.9"}) {
    EXPECT_TRUE(ParseComputeCapability(text).ok()) << text;
  }
}

TEST(ComputeCapabilityTest, AnythingElseIsRefused) {
  for (const char* text : {"", ".", "9", "9.", ".0", "9,0", "-9.0", "+9.0",
                           " 9.0", "9.0 ", "9.0.1", "9.x", "99999999999.0"}) {
    EXPECT_EQ(ParseComputeCapability(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace governor
