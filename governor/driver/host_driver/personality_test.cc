#include "governor/driver/host_driver/personality.h"

#include <string>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

int Attribute(const Personality& personality, int number) {
  const auto found = personality.attributes.find(number);
  return found == personality.attributes.end() ? 0 : found->second;
}

TEST(ParsePersonalityTest, ReadsNamesAndSettings) {
  const Personality plain = ParsePersonality("gb10", GiB(119)).value();
  EXPECT_EQ(plain.name, "gb10");
  EXPECT_EQ(plain.memory, GiB(119));  // the machine's
  EXPECT_EQ(plain.granularity, MiB(2));
  EXPECT_EQ(plain.devices, 1);

  const Personality set =
      ParsePersonality("h200,memory=8GiB,context=0,granularity=64KiB,devices=2",
                       GiB(119))
          .value();
  EXPECT_EQ(set.name, "h200");
  EXPECT_EQ(set.memory, GiB(8));
  EXPECT_EQ(set.context, Bytes());
  EXPECT_EQ(set.granularity, KiB(64));
  EXPECT_EQ(set.devices, 2);
}

TEST(ParsePersonalityTest, RefusesWhatItDoesNotKnow) {
  for (const char* text : {"",
                           "GB10",
                           "b300",
                           "gb10,",
                           "gb10,memory",
                           "gb10,memory=",
                           "gb10,memory=8G",
                           "gb10,memory=-1",
                           "gb10,size=8GiB",
                           "gb10 ",
                           "memory=8GiB",
                           "gb10,pools=",
                           "gb10,pools=yes",
                           "gb10,devices=",
                           "gb10,devices=0",
                           "gb10,devices=9",
                           "gb10,devices=two",
                           "gb10,granularity=3MiB",
                           "gb10,granularity=1B",
                           "gb10,granularity=2GiB",
                           "gb10,memory=1MiB",
                           "gb10,memory=99999GiB",
                           "gb10,memory=1GiB,context=1GiB",
                           "gb10,memory=8GiB,memory=9GiB"}) {
    const absl::Status status = ParsePersonality(text, GiB(8)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParsePersonalityTest, SaysWhatIsAllowed) {
  const std::string name(ParsePersonality("b300", GiB(8)).status().message());
  EXPECT_TRUE(absl::StrContains(name, "b300"));
  EXPECT_TRUE(absl::StrContains(name, "gb10, h200, hmm, old"));
  EXPECT_TRUE(absl::StrContains(name, "for example gb10,memory=8GiB"));
  const std::string key(
      ParsePersonality("gb10,size=8GiB", GiB(8)).status().message());
  EXPECT_TRUE(absl::StrContains(key, "gb10,size=8GiB"));
  EXPECT_TRUE(absl::StrContains(
      key, "memory, context, granularity, devices, pools, pages"));
}

TEST(ParsePersonalityTest, SetsPools) {
  EXPECT_FALSE(ParsePersonality("gb10", GiB(8))->keeps_released);
  EXPECT_TRUE(ParsePersonality("gb10,pools=on", GiB(8))->keeps_released);
  EXPECT_FALSE(ParsePersonality("gb10,pools=off", GiB(8))->keeps_released);
}

TEST(ParsePersonalityTest, SetsPages) {
  EXPECT_FALSE(ParsePersonality("gb10", GiB(8))->populates_at_once);
  EXPECT_TRUE(ParsePersonality("gb10,pages=now", GiB(8))->populates_at_once);
  EXPECT_FALSE(
      ParsePersonality("gb10,pages=touched", GiB(8))->populates_at_once);
  EXPECT_FALSE(ParsePersonality("gb10,pages=later", GiB(8)).ok());
}

// A gb10 with memory of its own size does not have the machine's.
TEST(ParsePersonalityTest, KnowsWhoseMemoryItIs) {
  const auto is_machines = [](const char* text) {
    return ParsePersonality(text, GiB(8)).value().free_is_mem_free;
  };
  EXPECT_TRUE(is_machines("gb10"));
  EXPECT_TRUE(is_machines("gb10,context=1MiB"));
  EXPECT_FALSE(is_machines("gb10,memory=8GiB"));
  EXPECT_FALSE(is_machines("h200"));
  EXPECT_EQ(ParsePersonality("h200", GiB(5)).value().host_memory, GiB(5));
}

TEST(PersonalityTest, TellsTheMachinesApart) {
  const Personality gb10 = PersonalityNamed("gb10", GiB(8)).value();
  const Personality h200 = PersonalityNamed("h200", GiB(8)).value();
  const Personality hmm = PersonalityNamed("hmm", GiB(8)).value();
  const Personality old = PersonalityNamed("old", GiB(8)).value();
  // integrated, pageable access, by the host's page tables, VMM
  const auto expect = [](const Personality& personality, int a18, int a88,
                         int a100, int a102) {
    EXPECT_EQ(Attribute(personality, 18), a18) << personality.name;
    EXPECT_EQ(Attribute(personality, 88), a88) << personality.name;
    EXPECT_EQ(Attribute(personality, 100), a100) << personality.name;
    EXPECT_EQ(Attribute(personality, 102), a102) << personality.name;
  };
  expect(gb10, 1, 1, 1, 1);
  // What the outside can do with memory: as reported none of it, on a GB10.
  for (const int number : {113, 116, 124, 141, 145}) {
    EXPECT_EQ(Attribute(gb10, number), 0) << number;
  }
  expect(h200, 0, 0, 0, 1);
  expect(hmm, 0, 1, 0, 1);
  expect(old, 0, 0, 0, 0);
}

// As measured; see device_attributes.cc.
TEST(PersonalityTest, KnowsTheH200) {
  const Personality h200 = PersonalityNamed("h200", GiB(8)).value();
  EXPECT_EQ(h200.memory, Bytes(150109880320));
  EXPECT_EQ(h200.driver_version, 13000);
  for (const auto& [number, value] : std::map<int, int>{{18, 0},
                                                        {83, 1},
                                                        {88, 0},
                                                        {89, 1},
                                                        {91, 1},
                                                        {99, 1},
                                                        {100, 0},
                                                        {101, 0},
                                                        {102, 1},
                                                        {113, 1},
                                                        {116, 1},
                                                        {124, 1},
                                                        {141, 1},
                                                        {145, 1},
                                                        {16, 132}}) {
    EXPECT_EQ(Attribute(h200, number), value) << number;
  }
}

TEST(ValidatePersonalityTest, AcceptsEveryNamedOne) {
  for (const char* name : {"gb10", "h200", "hmm", "old"}) {
    EXPECT_TRUE(
        ValidatePersonality(PersonalityNamed(name, GiB(8)).value()).ok())
        << name;
  }
}

}  // namespace
}  // namespace governor
