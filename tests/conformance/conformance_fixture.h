#ifndef GOVERNOR_TESTS_CONFORMANCE_CONFORMANCE_FIXTURE_H_
#define GOVERNOR_TESTS_CONFORMANCE_CONFORMANCE_FIXTURE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "gtest/gtest.h"
#include "tests/conformance/conformance_device.h"
#include "tests/conformance/coverage.h"

// For misuse that the real driver answers with a crash: a handle that no longer
// lives, or never did.
#define HOST_DRIVER_ONLY()                             \
  if (device().is_hardware()) {                        \
    GTEST_SKIP() << "the real driver may crash on it"; \
  }                                                    \
  static_assert(true)

namespace governor {

// A device ordinal that no machine has.
inline constexpr CUdevice kNoDevice = 99;

// What cuMemCreate takes for plain memory of a device.
CUmemAllocationProp PlainProperties(int device = 0);
CUmemAccessDesc Access(
    CUmemAccess_flags flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE,
    int device = 0);

inline void* Pointer(CUdeviceptr address) {
  return reinterpret_cast<void*>(address);
}
inline CUdeviceptr Address(const void* pointer) {
  return reinterpret_cast<CUdeviceptr>(pointer);
}

// Each case begins and ends with the context of device 0 current and nothing
// else left. What these methods make is taken back after the case; what a case
// makes by itself it takes back itself.
class ConformanceTest : public ::testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  ConformanceDevice& device() { return ConformanceDevice::Get(); }
  const DriverApi& api() { return device().api(); }

  // Runs after the case, the last one first.
  void Later(std::function<void()> work);

  // Zero where the driver gave none, with the test failed.
  CUdeviceptr NewLinear(size_t size);
  CUdeviceptr Reserve(size_t size);
  CUmemGenericAllocationHandle NewChunk(size_t size);
  // A new chunk mapped there, readable and writable, that its unmap frees.
  void Commit(CUdeviceptr address, size_t size);
  CUstream NewStream(unsigned int flags = CU_STREAM_NON_BLOCKING);
  CUevent NewEvent(unsigned int flags = CU_EVENT_DEFAULT);

  uint32_t Read(CUdeviceptr address);
  // Of device 0, once it has nothing left to do.
  size_t Free();

  // cuMemCreate's granularity.
  size_t block() const { return block_; }

 private:
  LiveObjects Live();

  size_t block_ = 0;
  std::vector<std::function<void()>> later_;
  std::optional<LiveObjects> live_at_start_;  // of a host driver
};

// No context is current to this thread while it lives.
class NoContext {
 public:
  NoContext();
  ~NoContext();

 private:
  CUcontext before_ = nullptr;
};

// Holds a stream back until it is opened, by a host function that waits.
// Opens at the latest when it goes.
class Gate {
 public:
  explicit Gate(CUstream stream);
  ~Gate();
  void Open();

 private:
  struct State;
  State* state_;
  CUstream stream_;
  bool held_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_CONFORMANCE_CONFORMANCE_FIXTURE_H_
