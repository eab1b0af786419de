#include "governor/driver/symbol_versions.h"

#include "governor/driver/driver_api.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(SymbolVersionsTest, KnowsEveryRowOfTheList) {
#define GOVERNOR_EXPECT(field, symbol) \
  EXPECT_GE(IntroducedIn(#symbol), 2000) << #symbol;
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_EXPECT)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_EXPECT)
#undef GOVERNOR_EXPECT
}

TEST(SymbolVersionsTest, TellsVariantsApart) {
  EXPECT_EQ(IntroducedIn("cuMemGetInfo_v2"), 3020);
  EXPECT_EQ(IntroducedIn("cuCtxGetDevice"), 2000);  // not CUDA 13.0's
  EXPECT_EQ(IntroducedIn("cuMemGetInfo"), 0);       // not a row
}

TEST(SymbolVersionsTest, CutsOffTheVariant) {
  EXPECT_EQ(BaseNameOf("cuMemGetInfo_v2"), "cuMemGetInfo");
  EXPECT_EQ(BaseNameOf("cuMemCreate"), "cuMemCreate");
  EXPECT_EQ(BaseNameOf("cuDevicePrimaryCtxRelease_v2"),
            "cuDevicePrimaryCtxRelease");
}

}  // namespace
}  // namespace governor
