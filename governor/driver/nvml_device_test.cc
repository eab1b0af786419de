#include "governor/driver/nvml_device.h"

#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "governor/driver/nvml_loader.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr char kLibrary[] = "governor/driver/libnvidia_ml/libnvidia-ml.so.1";
constexpr char kOther[] = "governor/driver/testdata/complete_driver.so";

std::string Runfile(const char* path) {
  return std::string(std::getenv("TEST_SRCDIR")) + "/governor/" + path;
}

// As CUDA tells the first device of a host driver.
std::array<uint8_t, 16> UnknownUuid() {
  std::array<uint8_t, 16> uuid{};
  uuid.fill(0xab);
  return uuid;
}

// What a broken NVML answers.
int list_result = kNvmlSuccess;
unsigned int list_count = 0;
int users = 0;

NvmlApi BrokenApi() {
  NvmlApi api;
  api.Init = [] { return ++users, kNvmlSuccess; };
  api.Shutdown = [] { return --users, kNvmlSuccess; };
  api.ErrorString = [](int) -> const char* { return nullptr; };
  api.DeviceGetHandleByUUID = [](const char*, NvmlHandle*) {
    return kNvmlSuccess;
  };
  api.DeviceGetMemoryInfo = [](NvmlHandle, NvmlMemory*) {
    return kNvmlNotSupported;
  };
  api.DeviceGetComputeRunningProcesses = [](NvmlHandle, unsigned int* count,
                                            NvmlProcess*) {
    *count = list_count;
    return list_result;
  };
  return api;
}

TEST(NvmlUuidTest, IsWrittenAsNvidiaSmiDoes) {
  EXPECT_EQ(NvmlUuid({0x9c, 0x5e, 0xa7, 0xe1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
                      0xff}),
            "GPU-9c5ea7e1-0001-0203-0405-060708090aff");
}

TEST(NvmlLoaderTest, AMissingLibraryAndAMissingSymbolAreToldApart) {
  const absl::Status missing =
      LoadNvml({.library = "no_such_nvml.so"}).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(missing.message(), "no_such_nvml.so"));
  const absl::Status lacking = LoadNvml({.library = Runfile(kOther)}).status();
  EXPECT_EQ(lacking.code(), absl::StatusCode::kUnimplemented) << lacking;
  EXPECT_TRUE(absl::StrContains(lacking.message(), "nvmlInit_v2"));
}

TEST(NvmlDeviceTest, ADeviceThatNvmlDoesNotKnowIsNotFound) {
  setenv("GOVERNOR_HOST_DRIVER", "h200,memory=1GiB", 1);
  const auto api = LoadNvml({.library = Runfile(kLibrary)});
  ASSERT_TRUE(api.ok()) << api.status();
  const absl::Status status = NvmlDevice::Open(*api, UnknownUuid()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
}

TEST(NvmlDeviceTest, ABrokenLibraryEndsInAnError) {
  {
    const auto device = NvmlDevice::Open(BrokenApi(), UnknownUuid());
    ASSERT_TRUE(device.ok()) << device.status();
    EXPECT_EQ(users, 1);
    EXPECT_EQ((*device)->ReadUsed().status().code(),
              absl::StatusCode::kUnimplemented);
    // Always short of room; then an absurd count; then more than fits.
    list_result = kNvmlInsufficientSize;
    list_count = 20;
    EXPECT_EQ((*device)->ReadProcesses().status().code(),
              absl::StatusCode::kInternal);
    list_count = ~0u;
    EXPECT_EQ((*device)->ReadProcesses().status().code(),
              absl::StatusCode::kInternal);
    list_result = kNvmlSuccess;
    EXPECT_EQ((*device)->ReadProcesses().status().code(),
              absl::StatusCode::kInternal);
    list_result = 424242;
    EXPECT_EQ((*device)->ReadProcesses().status().code(),
              absl::StatusCode::kInternal);
  }
  EXPECT_EQ(users, 0);
}

}  // namespace
}  // namespace governor
