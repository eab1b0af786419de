#include "governor/policy/kv_dtype.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(KvDtypeTest, NamesParseBackToTheirDtype) {
  for (const KvDtypeLayout& layout : KvDtypes()) {
    EXPECT_EQ(ParseKvDtype(layout.name).value(), layout.dtype) << layout.name;
    EXPECT_EQ(&LayoutOf(layout.dtype), &layout) << layout.name;
  }
}

// Bytes of 32 elements, which every dtype can store.
TEST(KvDtypeTest, SizesAreExact) {
  const struct {
    KvDtype dtype;
    uint64_t bytes;
  } kCases[] = {{KvDtype::kBf16, 64}, {KvDtype::kFp16, 64},
                {KvDtype::kFp8, 32},  {KvDtype::kInt8, 32},
                {KvDtype::kQ8_0, 34}, {KvDtype::kQ4_0, 18}};
  EXPECT_EQ(KvDtypes().size(), std::size(kCases));
  for (const auto& c : kCases) {
    const KvDtypeLayout& layout = LayoutOf(c.dtype);
    ASSERT_EQ(32 % layout.block_elements, 0u);
    EXPECT_EQ(32 / layout.block_elements * layout.block_bytes, c.bytes)
        << layout.name;
  }
}

TEST(KvDtypeTest, RefusalListsAllNames) {
  for (absl::string_view name :
       {"", "BF16", "fp32", "q4", "bf16 ", "\x1b[31m"}) {
    const absl::Status status = ParseKvDtype(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    for (const KvDtypeLayout& layout : KvDtypes()) {
      EXPECT_THAT(std::string(status.message()),
                  testing::HasSubstr(std::string(layout.name)));
    }
    EXPECT_EQ(status.message().find('\x1b'), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace governor
