#ifndef GOVERNOR_MEMORY_TEST_DEVICE_H_
#define GOVERNOR_MEMORY_TEST_DEVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/driver/primary_context.h"

namespace governor {

// The device that a test runs on: a host driver of its own, or, with
// GOVERNOR_TEST_DRIVER=cuda in the environment, the machine's GPU. The same
// test body passes on both.
class TestDevice {
 public:
  // `personality` is for the host driver. Ends the test program when the
  // device cannot be opened.
  explicit TestDevice(const std::string& personality = "gb10,memory=8GiB");

  const DriverApi& api() const { return api_; }
  const std::shared_ptr<PrimaryContext>& context() const { return context_; }
  // Null on a GPU: for faults and counts that hardware does not have.
  HostDriver* host() { return host_.get(); }

  // The driver's own count of physical bytes: the host driver's books, or by
  // how much the GPU's free memory fell since this object was made.
  Bytes PhysicalBytes();

  // Fills `size` bytes at `address` with a pattern that `seed` decides, and
  // tells whether it is still there. Copies through the driver.
  void Fill(CUdeviceptr address, Bytes size, uint64_t seed);
  bool Holds(CUdeviceptr address, Bytes size, uint64_t seed);

 private:
  std::unique_ptr<HostDriver> host_;
  DriverApi api_;
  std::shared_ptr<PrimaryContext> context_;
  Bytes free_at_start_;
};

}  // namespace governor

#endif  // GOVERNOR_MEMORY_TEST_DEVICE_H_
