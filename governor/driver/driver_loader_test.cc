#include "governor/driver/driver_loader.h"

#include <bit>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "governor/driver/cuda_status.h"
#include "governor/driver/testdata/symbol_places.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

absl::StatusOr<DriverApi> LoadTestDriver(const std::string& name) {
  return LoadDriver(
      {.library = absl::StrCat(std::getenv("TEST_SRCDIR"), "/",
                               std::getenv("TEST_WORKSPACE"),
                               "/governor/driver/testdata/", name)});
}

// Calls a stand-in by its true type.
template <typename Function>
int PlaceOf(Function* function) {
  return std::bit_cast<int (*)(int*)>(function)(nullptr);
}

TEST(LoadDriverTest, SaysThatThereIsNoLibrary) {
  const absl::Status status =
      LoadDriver({.library = "libnosuchdriver.so.7"}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DriverProblemOf(status), DriverProblem::kNoLibrary);
  // dlerror's own words name the file.
  EXPECT_TRUE(absl::StrContains(status.message(), "libnosuchdriver.so.7: "));
}

TEST(LoadDriverTest, SaysThatTheDriverIsTooOld) {
  const absl::Status status = LoadTestDriver("old_driver.so").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(DriverProblemOf(status), DriverProblem::kTooOld);
  EXPECT_TRUE(absl::StrContains(status.message(), "found 11.2"));
  EXPECT_TRUE(absl::StrContains(status.message(), "needed 11.4"));
}

TEST(LoadDriverTest, NamesTheSymbolThatIsMissing) {
  const absl::Status status = LoadTestDriver("lacking_driver.so").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(DriverProblemOf(status), DriverProblem::kSymbolMissing);
  // Of the two that it lacks, the first in the list.
  EXPECT_TRUE(absl::StrContains(status.message(), "cuMemCreate"));
}

// A library that is no driver at all.
TEST(LoadDriverTest, NamesTheVersionSymbolOfAForeignLibrary) {
  const absl::Status status = LoadDriver({.library = "libm.so.6"}).status();
  EXPECT_EQ(DriverProblemOf(status), DriverProblem::kSymbolMissing);
  EXPECT_TRUE(absl::StrContains(status.message(), "cuDriverGetVersion"));
}

TEST(LoadDriverTest, PassesOnWhatTheDriverAnswers) {
  const absl::Status status = LoadTestDriver("failing_driver.so").status();
  EXPECT_EQ(CudaResultOf(status), CUDA_ERROR_SYSTEM_NOT_READY);
  EXPECT_EQ(DriverProblemOf(status), std::nullopt);
}

TEST(LoadDriverTest, FillsEachFieldWithItsOwnSymbol) {
  const absl::StatusOr<DriverApi> api = LoadTestDriver("complete_driver.so");
  ASSERT_TRUE(api.ok()) << api.status();
#define GOVERNOR_EXPECT(field, symbol)                          \
  if (kPlaceOf##field != kPlaceOfDriverGetVersion) {            \
    EXPECT_EQ(PlaceOf(api->field), kPlaceOf##field) << #symbol; \
  }
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_EXPECT)
#undef GOVERNOR_EXPECT
  int version = 0;
  EXPECT_EQ(api->DriverGetVersion(&version), CUDA_SUCCESS);
  EXPECT_EQ(version, 11040);
  EXPECT_NE(api->GetProcAddress, nullptr);
}

TEST(DriverProblemOfTest, IsNothingForOtherStatuses) {
  EXPECT_EQ(DriverProblemOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(DriverProblemOf(absl::UnavailableError("")), std::nullopt);
  EXPECT_EQ(DriverProblemOf(CudaStatus(CUDA_ERROR_NO_DEVICE, "cuInit")),
            std::nullopt);
}

}  // namespace
}  // namespace governor
