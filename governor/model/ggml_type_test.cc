#include "governor/model/ggml_type.h"

#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// Bits of one element, as published for each format.
TEST(GgmlTypeTest, BitsAnElementAreThePublishedOnes) {
  const std::map<std::string, double> kBits = {
      {"F32", 32},       {"F16", 16},         {"BF16", 16},
      {"F64", 64},       {"I8", 8},           {"I16", 16},
      {"I32", 32},       {"I64", 64},         {"Q4_0", 4.5},
      {"Q4_1", 5},       {"Q5_0", 5.5},       {"Q5_1", 6},
      {"Q8_0", 8.5},     {"Q8_1", 9},         {"Q2_K", 2.625},
      {"Q3_K", 3.4375},  {"Q4_K", 4.5},       {"Q5_K", 5.5},
      {"Q6_K", 6.5625},  {"Q8_K", 9.125},     {"IQ1_S", 1.5625},
      {"IQ1_M", 1.75},   {"IQ2_XXS", 2.0625}, {"IQ2_XS", 2.3125},
      {"IQ2_S", 2.5625}, {"IQ3_XXS", 3.0625}, {"IQ3_S", 3.4375},
      {"IQ4_NL", 4.5},   {"IQ4_XS", 4.25},    {"TQ1_0", 1.6875},
      {"TQ2_0", 2.0625}, {"MXFP4", 4.25},     {"NVFP4", 4.5},
      {"Q1_0", 1.125},   {"Q2_0", 2.25},
  };
  EXPECT_EQ(GgmlTypes().size(), kBits.size());
  for (const GgmlType& type : GgmlTypes()) {
    const auto bits = kBits.find(std::string(type.name));
    ASSERT_NE(bits, kBits.end()) << type.name;
    EXPECT_EQ(8.0 * static_cast<double>(type.block_bytes) /
                  static_cast<double>(type.block_elements),
              bits->second)
        << type.name;
  }
}

TEST(GgmlTypeTest, EachIdAndNameStandsOnce) {
  std::set<uint32_t> ids;
  std::set<std::string> names;
  for (const GgmlType& type : GgmlTypes()) {
    EXPECT_TRUE(ids.insert(type.id).second) << type.id;
    EXPECT_TRUE(names.insert(std::string(type.name)).second) << type.name;
    EXPECT_EQ(FindGgmlType(type.id).value(), &type);
  }
}

TEST(GgmlTypeTest, EveryOtherIdIsRefusedByName) {
  for (uint32_t id : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u}) {
    const absl::Status status = FindGgmlType(id).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(status.message(), testing::HasSubstr("took type"));
  }
  for (uint32_t id : {43u, 100u, 0xFFFFFFFFu}) {
    const absl::Status status = FindGgmlType(id).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(status.message(), testing::HasSubstr(std::to_string(id)));
  }
}

}  // namespace
}  // namespace governor
