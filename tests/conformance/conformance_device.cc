#include "tests/conformance/conformance_device.h"

#include <cstdlib>
#include <iostream>
#include <utility>

#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/driver/driver_loader.h"
#include "governor/driver/host_driver/personality.h"

namespace governor {
namespace {

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::cerr << "no driver to test: " << result.status() << "\n";
    std::exit(1);
  }
  return *std::move(result);
}

void Must(CUresult result, const char* call) {
  if (result == CUDA_SUCCESS) return;
  std::cerr << "no driver to test: " << call << " answers " << result << "\n";
  std::exit(1);
}

std::string Environment(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

}  // namespace

ConformanceDevice& ConformanceDevice::Get() {
  // Never destroyed, as threads of a driver may outlive main().
  static ConformanceDevice* const device = new ConformanceDevice;
  return *device;
}

ConformanceDevice::ConformanceDevice() {
  if (Environment("GOVERNOR_TEST_DRIVER", "") == "cuda") {
    name_ = "libcuda";
    api_ = Must(LoadDriver());
  } else {
    name_ =
        Environment("GOVERNOR_TEST_PERSONALITY", "h200,memory=4GiB,devices=2");
    host_ = Must(HostDriver::Create(Must(ParsePersonality(name_, GiB(8)))));
    api_ = host_->api();
  }
  Must(api_.Init(0), "cuInit");
  Must(api_.DeviceGetCount(&count_), "cuDeviceGetCount");
  contexts_.resize(count_);
}

int ConformanceDevice::Attribute(int number, int device) const {
  int value = 0;
  Must(api_.DeviceGetAttribute(&value, static_cast<CUdevice_attribute>(number),
                               device),
       "cuDeviceGetAttribute");
  return value;
}

CUcontext ConformanceDevice::context(int device) {
  CUcontext& context = contexts_.at(device);
  if (context == nullptr) {
    Must(api_.DevicePrimaryCtxRetain(&context, device),
         "cuDevicePrimaryCtxRetain");
  }
  return context;
}

}  // namespace governor
