#include "governor/base/size_spec.h"

#include <limits>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

Bytes Resolved(absl::string_view text, Bytes total) {
  absl::StatusOr<SizeSpec> spec = SizeSpec::Parse(text);
  EXPECT_TRUE(spec.ok()) << spec.status();
  return spec.ok() ? spec->Resolve(total) : Bytes();
}

TEST(SizeSpecTest, APercentageIsOfTheTotal) {
  constexpr Bytes kMax(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Resolved("90%", GiB(100)), GiB(90));
  EXPECT_EQ(Resolved("0%", GiB(100)), Bytes(0));
  EXPECT_EQ(Resolved("100%", kMax), kMax);
  EXPECT_EQ(Resolved("50%", Bytes(3)), Bytes(1));
  EXPECT_EQ(Resolved("99%", Bytes(199)), Bytes(197));
}

TEST(SizeSpecTest, BytesAreThemselves) {
  EXPECT_EQ(Resolved("2GiB", GiB(100)), GiB(2));
  EXPECT_EQ(SizeSpec(GiB(40)).Resolve(GiB(1)), GiB(40));
}

TEST(SizeSpecTest, RefusesWhatIsNeither) {
  for (const std::string text : {"%", "101%", "-1%", "+1%", "1.5%", "90%%",
                                 "90 %", "0000000000000000000090%", "", "x"}) {
    EXPECT_EQ(SizeSpec::Parse(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

}  // namespace
}  // namespace governor
