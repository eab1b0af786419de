#include "governor/memory/test_device.h"

#include <cstdlib>
#include <iostream>
#include <utility>

#include "governor/driver/cuda_status.h"
#include "governor/driver/current_context.h"
#include "governor/driver/driver_loader.h"

namespace governor {
namespace {

template <typename T>
T Must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::cerr << "no test device: " << result.status() << "\n";
    std::exit(1);
  }
  return *std::move(result);
}

// Cheap, and different in every word and for every seed.
std::vector<uint64_t> Pattern(Bytes size, uint64_t seed) {
  std::vector<uint64_t> words(size.count() / sizeof(uint64_t));
  uint64_t word = seed * 0x9e3779b97f4a7c15u + 1;
  for (uint64_t& w : words) {
    word = word * 6364136223846793005u + 1442695040888963407u;
    w = word;
  }
  return words;
}

}  // namespace

TestDevice::TestDevice(const std::string& personality) {
  const char* driver = std::getenv("GOVERNOR_TEST_DRIVER");
  if (driver != nullptr && std::string(driver) == "cuda") {
    api_ = Must(LoadDriver());
  } else {
    host_ =
        Must(HostDriver::Create(Must(ParsePersonality(personality, GiB(8)))));
    api_ = host_->api();
  }
  context_ = Must(PrimaryContext::Retain(Must(Device::Open(api_, 0))));
  free_at_start_ = Must(context_->ReadMemory()).free;
}

Bytes TestDevice::PhysicalBytes() {
  if (host_ != nullptr) return host_->physical_bytes();
  return SaturatingSubtract(free_at_start_, Must(context_->ReadMemory()).free);
}

void TestDevice::Fill(CUdeviceptr address, Bytes size, uint64_t seed) {
  const CurrentContext current =
      Must(CurrentContext::Enter(context_->device(), context_->handle()));
  const std::vector<uint64_t> words = Pattern(size, seed);
  const absl::Status status = CudaStatus(
      api_.MemcpyHtoD(address, words.data(), size.count()), "cuMemcpyHtoD");
  if (!status.ok()) {
    std::cerr << status << "\n";
    std::exit(1);
  }
}

bool TestDevice::Holds(CUdeviceptr address, Bytes size, uint64_t seed) {
  const CurrentContext current =
      Must(CurrentContext::Enter(context_->device(), context_->handle()));
  std::vector<uint64_t> words(size.count() / sizeof(uint64_t));
  return api_.MemcpyDtoH(words.data(), address, size.count()) == CUDA_SUCCESS &&
         words == Pattern(size, seed);
}

}  // namespace governor
