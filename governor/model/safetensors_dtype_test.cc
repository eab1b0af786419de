#include "governor/model/safetensors_dtype.h"

#include <map>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(SafetensorsDtypeTest, ElementsHaveTheBitsOfTheRustLibrary) {
  const std::map<std::string, uint32_t> expected = {
      {"BOOL", 8}, {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
      {"I8", 8},   {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16},
      {"U16", 16}, {"F16", 16},    {"BF16", 16},   {"I32", 32},    {"U32", 32},
      {"F32", 32}, {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}};
  for (const auto& [name, bits] : expected) {
    const absl::StatusOr<const SafetensorsDtype*> dtype =
        FindSafetensorsDtype(name);
    ASSERT_TRUE(dtype.ok()) << dtype.status();
    EXPECT_EQ((*dtype)->name, name);
    EXPECT_EQ((*dtype)->bits, bits) << name;
    EXPECT_EQ((*dtype)->is_float, name == "BF16" || name[0] == 'F') << name;
  }
}

TEST(SafetensorsDtypeTest, NamesAreDistinctAndFewEnoughForOneByte) {
  std::set<absl::string_view> names;
  for (const SafetensorsDtype& dtype : SafetensorsDtypes()) {
    EXPECT_TRUE(names.insert(dtype.name).second) << dtype.name;
  }
  EXPECT_LE(names.size(), 256u);
}

TEST(SafetensorsDtypeTest, OthersAreNamed) {
  for (const std::string name : {"", "f32", "Q4_K", "F32 ", "BFLOAT16"}) {
    const absl::Status status = FindSafetensorsDtype(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
    EXPECT_THAT(std::string(status.message()),
                testing::HasSubstr("'" + name + "'"));
  }
}

}  // namespace
}  // namespace governor
