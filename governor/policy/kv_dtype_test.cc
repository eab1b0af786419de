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

// Bytes of one head of 32 elements, which every dtype can store. The ggml
// blocks are those of ggml-common.h; the scales those of vLLM's kernels.
TEST(KvDtypeTest, SizesAreExact) {
  const struct {
    absl::string_view name;
    uint64_t bytes;
  } kCases[] = {
      {"fp32", 128},
      {"bf16", 64},
      {"fp16", 64},
      {"fp8", 32},
      {"int8", 32},
      {"fp8_per_token_head", 36},
      {"int8_per_token_head", 36},
      {"int4_per_token_head", 20},
      {"nvfp4", 18},
      {"fp8_ds_mla", 32},
      {"q8_0", 34},
      {"q5_1", 24},
      {"q5_0", 22},
      {"q4_1", 20},
      {"q4_0", 18},
      {"iq4_nl", 18},
  };
  EXPECT_EQ(KvDtypes().size(), std::size(kCases));
  for (const auto& c : kCases) {
    const absl::StatusOr<KvDtype> dtype = ParseKvDtype(c.name);
    ASSERT_TRUE(dtype.ok()) << dtype.status();
    const KvDtypeLayout& layout = LayoutOf(*dtype);
    ASSERT_EQ(32 % layout.block_elements, 0u);
    EXPECT_EQ(
        32 / layout.block_elements * layout.block_bytes + layout.head_bytes,
        c.bytes)
        << layout.name;
  }
}

TEST(KvDtypeTest, RefusalListsAllNames) {
  for (absl::string_view name :
       {"", "BF16", "auto", "q4", "bf16 ", "\x1b[31m"}) {
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
