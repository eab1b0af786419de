#include "governor/model/hostile_config.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "governor/model/config_text.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(HostileConfigTest, EachIsRefusedAndTheMessageNamesWhatIsWrong) {
  for (const HostileConfig& hostile : HostileConfigs()) {
    const absl::Status status = ShapeOf(hostile.text).status();
    EXPECT_EQ(status.code(), hostile.code) << hostile.name << ": " << status;
    EXPECT_NE(status.message().find(hostile.named), absl::string_view::npos)
        << hostile.name << ": " << hostile.named << " is not in " << status;
    EXPECT_LT(status.message().size(), 1024u) << hostile.name;
    EXPECT_TRUE(std::all_of(status.message().begin(), status.message().end(),
                            absl::ascii_isprint))
        << hostile.name << ": " << status;
  }
}

TEST(HostileConfigTest, AssumingAFamilyForgivesNoneOfThem) {
  for (const HostileConfig& hostile : HostileConfigs()) {
    EXPECT_FALSE(ShapeOf(hostile.text, {.assume_gqa = true}).ok())
        << hostile.name;
  }
}

// Without this, every config could be refused.
TEST(HostileConfigTest, TheConfigThatTheyStartFromIsRight) {
  const absl::StatusOr<ModelShape> shape = ShapeOf(SmallConfig("llama"));
  EXPECT_TRUE(shape.ok()) << shape.status();
}

}  // namespace
}  // namespace governor
