#ifndef GOVERNOR_TESTS_CONFORMANCE_COVERAGE_H_
#define GOVERNOR_TESTS_CONFORMANCE_COVERAGE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "governor/driver/driver_api.h"
#include "gtest/gtest.h"
#include "tests/conformance/conformance_device.h"

// What a case asks of a row of driver_api.h. A call is not only made: the row
// and the answer expected are remembered, so that what is covered is what ran.
//
//   EXPECT_OK(MemCreate, &chunk, size, &properties, 0);
//   EXPECT_REFUSED(INVALID_VALUE, MemCreate, nullptr, size, &properties, 0);
#define EXPECT_OK(row, ...)                            \
  EXPECT_TRUE(::governor::Conforms(#row, CUDA_SUCCESS, \
                                   GOVERNOR_CALL(row, __VA_ARGS__)))
#define ASSERT_OK(row, ...)                            \
  ASSERT_TRUE(::governor::Conforms(#row, CUDA_SUCCESS, \
                                   GOVERNOR_CALL(row, __VA_ARGS__)))
#define EXPECT_REFUSED(error, row, ...)                      \
  EXPECT_TRUE(::governor::Conforms(#row, CUDA_ERROR_##error, \
                                   GOVERNOR_CALL(row, __VA_ARGS__)))
// The call of one row; a row that the driver lacks answers so by itself.
#define GOVERNOR_CALL(row, ...)                              \
  (::governor::ConformanceDevice::Get().api().row == nullptr \
       ? ::governor::kRowMissing                             \
       : ::governor::ConformanceDevice::Get().api().row(__VA_ARGS__))

namespace governor {

// No CUresult of CUDA's: the driver has no such symbol.
inline constexpr CUresult kRowMissing = static_cast<CUresult>(1022);

// Whether a row answered as expected. Prints a line `DIFF row expected got
// case driver` if not. Thread-safe.
::testing::AssertionResult Conforms(absl::string_view row, CUresult expected,
                                    CUresult got);

// `INVALID_VALUE`, or a number that CUDA does not define.
std::string ShortName(CUresult result);

// A row and an answer that some case expected.
struct Answer {
  std::string row;
  std::string result;

  friend auto operator<=>(const Answer&, const Answer&) = default;
};

// What Conforms saw so far in this process and, by Remember, in its children.
std::vector<Answer> AnswersSeen();
void Remember(Answer answer);

// What must be seen on this driver: each row's success, and what
// documented_misuse.inc lists of it.
std::vector<Answer> AnswersRequired();
// Rows of driver_api.h of which documented_misuse.inc says nothing.
std::vector<std::string> RowsWithoutMisuse();

}  // namespace governor

#endif  // GOVERNOR_TESTS_CONFORMANCE_COVERAGE_H_
