// The same cases on the host driver and on hardware. tests/conformance/BUILD
// says how to run them on either.

#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/conformance/child_process.h"
#include "tests/conformance/coverage.h"

namespace governor {
namespace {

// Runs after all others, and looks at what they covered.
class EveryRowIsCovered : public ::testing::Test {
  void TestBody() override {
    const ::testing::UnitTest& all = *::testing::UnitTest::GetInstance();
    if (all.test_to_run_count() < all.total_test_count()) {
      GTEST_SKIP() << "not all cases were asked for";
    }
    for (const std::string& row : RowsWithoutMisuse()) {
      ADD_FAILURE() << row << " is not in documented_misuse.inc";
    }
    const std::vector<Answer> seen = AnswersSeen();
    const std::vector<Answer> required = AnswersRequired();
    size_t covered = 0;
    for (const Answer& answer : required) {
      if (std::binary_search(seen.begin(), seen.end(), answer)) {
        ++covered;
      } else {
        std::cout << absl::StrCat("MISSING ", answer.row, " ", answer.result,
                                  "\n");
        ADD_FAILURE() << "no case: " << answer.row << " " << answer.result;
      }
    }
    std::cout << absl::StrCat("COVERED ", covered, " of ", required.size(),
                              " pairs of row and answer, ", seen.size(),
                              " seen, on ", ConformanceDevice::Get().name(),
                              "\n")
              << std::flush;
#define GOVERNOR_REPORT(field, symbol)                          \
  if (ConformanceDevice::Get().api().field == nullptr) {        \
    std::cout << "NULL " #field " " #symbol "\n" << std::flush; \
  }
    GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_REPORT)
#undef GOVERNOR_REPORT
  }
};

}  // namespace
}  // namespace governor

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  governor::RunAsChildIfAsked(argc, argv);
  // Registered last, and so run last.
  ::testing::RegisterTest(
      "ConformanceSuite", "EveryRowIsCovered", nullptr, nullptr, __FILE__,
      __LINE__,
      []() -> ::testing::Test* { return new governor::EveryRowIsCovered; });
  return RUN_ALL_TESTS();
}
