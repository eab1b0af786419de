#ifndef GOVERNOR_TESTS_CONFORMANCE_CONFORMANCE_DEVICE_H_
#define GOVERNOR_TESTS_CONFORMANCE_CONFORMANCE_DEVICE_H_

#include <memory>
#include <string>
#include <vector>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_driver.h"

namespace governor {

// The driver that this process holds to the cases, opened at the first use and
// initialised:
//
//   GOVERNOR_TEST_DRIVER=cuda           the machine's libcuda
//   GOVERNOR_TEST_PERSONALITY=NAME[,…]  a host driver that claims to be this;
//                                       without either, an H200 with two
//                                       devices of 4 GiB
//
// Ends the program when there is none. Thread-safe.
class ConformanceDevice {
 public:
  static ConformanceDevice& Get();

  const DriverApi& api() const { return api_; }
  // What a difference is reported under.
  const std::string& name() const { return name_; }
  bool is_hardware() const { return host_ == nullptr; }
  // Null on hardware.
  HostDriver* host() const { return host_.get(); }

  int count() const { return count_; }
  int Attribute(int number, int device = 0) const;
  // The primary context of a device; retained at its first use, for good.
  CUcontext context(int device = 0);

 private:
  ConformanceDevice();

  std::string name_;
  std::unique_ptr<HostDriver> host_;
  DriverApi api_;
  int count_ = 0;
  std::vector<CUcontext> contexts_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_CONFORMANCE_CONFORMANCE_DEVICE_H_
