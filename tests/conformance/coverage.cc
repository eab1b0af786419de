#include "tests/conformance/coverage.h"

#include <iostream>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/base/mutex.h"
#include "governor/driver/cuda_result_names.h"

namespace governor {
namespace {

constexpr absl::string_view kPrefix = "CUDA_ERROR_";

struct Seen {
  Mutex mutex;
  std::set<Answer> answers ABSL_GUARDED_BY(mutex);
};

Seen& TheSeen() {
  static Seen* const seen = new Seen;
  return *seen;
}

std::string CurrentCase() {
  const ::testing::TestInfo* const info =
      ::testing::UnitTest::GetInstance()->current_test_info();
  if (info == nullptr) return "child";
  return absl::StrCat(info->test_suite_name(), ".", info->name());
}

// Where an entry of documented_misuse.inc can be provoked.
enum class Where {
  kAnywhere,
  // Needs a handle that no longer lives, or the like: the real driver looks
  // into it and may crash.
  kHostDriver,
  // What host_driver.h says is not there.
  kHardware,
  // Needs two devices that can be peers.
  kTwoDevices,
};

bool Applies(Where where) {
  const ConformanceDevice& device = ConformanceDevice::Get();
  switch (where) {
    case Where::kAnywhere:
      return true;
    case Where::kHostDriver:
      return !device.is_hardware();
    case Where::kHardware:
      return device.is_hardware();
    case Where::kTwoDevices: {
      int can = 0;
      return device.count() > 1 &&
             device.api().DeviceCanAccessPeer(&can, 0, 1) == CUDA_SUCCESS &&
             can != 0;
    }
  }
  return true;
}

struct Misuse {
  const char* row;
  const char* result;
  Where where;
};

constexpr Misuse kMisuse[] = {
#define MISUSE(row, result) {#row, #result, Where::kAnywhere},
#define HOST_DRIVER_MISUSE(row, result) {#row, #result, Where::kHostDriver},
#define TWO_DEVICES_MISUSE(row, result) {#row, #result, Where::kTwoDevices},
#define HARDWARE_MISUSE(row, result) {#row, #result, Where::kHardware},
#define NO_MISUSE(row)
#define NO_SUCCESS(row)
#define HARDWARE_SUCCESS(row)
#define TWO_DEVICES_SUCCESS(row)
#include "tests/conformance/documented_misuse.inc"
#undef MISUSE
#undef HOST_DRIVER_MISUSE
#undef TWO_DEVICES_MISUSE
#undef HARDWARE_MISUSE
#undef NO_MISUSE
#undef NO_SUCCESS
#undef HARDWARE_SUCCESS
#undef TWO_DEVICES_SUCCESS
};

// Rows of which there is no misuse that a case could make, and rows that
// cannot succeed everywhere.
std::set<std::string> ListedAs(absl::string_view what) {
  std::set<std::string> rows;
  [[maybe_unused]] const auto add = [&](absl::string_view list,
                                        const char* row) {
    if (list == what) rows.insert(row);
  };
#define MISUSE(row, result)
#define HOST_DRIVER_MISUSE(row, result)
#define TWO_DEVICES_MISUSE(row, result)
#define HARDWARE_MISUSE(row, result)
#define NO_MISUSE(row) add("no misuse", #row);
#define NO_SUCCESS(row) add("no success", #row);
#define HARDWARE_SUCCESS(row) add("hardware", #row);
#define TWO_DEVICES_SUCCESS(row) add("two devices", #row);
#include "tests/conformance/documented_misuse.inc"
#undef MISUSE
#undef HOST_DRIVER_MISUSE
#undef TWO_DEVICES_MISUSE
#undef HARDWARE_MISUSE
#undef NO_MISUSE
#undef NO_SUCCESS
#undef HARDWARE_SUCCESS
#undef TWO_DEVICES_SUCCESS
  return rows;
}

std::vector<std::string> AllRows() {
  return {
#define GOVERNOR_NAME(field, symbol) #field,
      GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_NAME)
          GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_NAME)
#undef GOVERNOR_NAME
  };
}

}  // namespace

std::string ShortName(CUresult result) {
  if (result == CUDA_SUCCESS) return "SUCCESS";
  if (result == kRowMissing) return "ROW_MISSING";
  const std::optional<CudaResultName> name = NameOfCudaResult(result);
  if (!name.has_value()) return absl::StrCat(static_cast<int>(result));
  return std::string(absl::string_view(name->name).substr(kPrefix.size()));
}

void Remember(Answer answer) {
  Seen& seen = TheSeen();
  MutexLock lock(seen.mutex);
  seen.answers.insert(std::move(answer));
}

::testing::AssertionResult Conforms(absl::string_view row, CUresult expected,
                                    CUresult got) {
  Remember({std::string(row), ShortName(expected)});
  if (got == expected) return ::testing::AssertionSuccess();
  const std::string& driver = ConformanceDevice::Get().name();
  std::cout << absl::StrCat("DIFF ", row, " ", ShortName(expected), " ",
                            ShortName(got), " ", CurrentCase(), " ", driver,
                            "\n")
            << std::flush;
  return ::testing::AssertionFailure()
         << row << " of " << driver << " answers " << ShortName(got)
         << ", expected " << ShortName(expected);
}

std::vector<Answer> AnswersSeen() {
  Seen& seen = TheSeen();
  MutexLock lock(seen.mutex);
  return {seen.answers.begin(), seen.answers.end()};
}

std::vector<Answer> AnswersRequired() {
  std::set<std::string> no_success = ListedAs("no success");
  if (!ConformanceDevice::Get().is_hardware()) {
    no_success.merge(ListedAs("hardware"));
  }
  if (ConformanceDevice::Get().count() < 2) {
    no_success.merge(ListedAs("two devices"));
  }
  std::vector<Answer> required;
  for (const std::string& row : AllRows()) {
    if (no_success.count(row) == 0) required.push_back({row, "SUCCESS"});
  }
  for (const Misuse& misuse : kMisuse) {
    if (Applies(misuse.where)) required.push_back({misuse.row, misuse.result});
  }
  return required;
}

std::vector<std::string> RowsWithoutMisuse() {
  std::set<std::string> listed = ListedAs("no misuse");
  for (const Misuse& misuse : kMisuse) listed.insert(misuse.row);
  std::vector<std::string> rows;
  for (const std::string& row : AllRows()) {
    if (listed.count(row) == 0) rows.push_back(row);
  }
  return rows;
}

}  // namespace governor
