#include "tests/pressure/hot_loop.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

namespace governor {
namespace {

constexpr size_t kPart = size_t{1} << 20;

}  // namespace

HotLoop::HotLoop(Bytes size, Bytes cold)
    : size_(AlignDown(size, MiB(1)).count()),
      hot_(AlignDown(size - cold, MiB(1)).count()) {
  void* const memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  ::madvise(memory, size_, MADV_NOHUGEPAGE);
  data_ = static_cast<uint64_t*>(memory);
  for (size_t i = 0; i < size_ / 8; ++i) data_[i] = i * 0x9e3779b97f4a7c15;
}

HotLoop::~HotLoop() {
  Stop();
  ::munmap(data_, size_);
}

void HotLoop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void HotLoop::Stop() {
  if (!thread_.joinable()) return;
  ends_ = true;
  thread_.join();
}

double HotLoop::tokens() const {
  return static_cast<double>(read_) / static_cast<double>(hot_);
}

absl::Duration HotLoop::waited_for_processor() const {
  std::ifstream file(
      absl::StrCat("/proc/self/task/", thread_id_.load(), "/schedstat"));
  int64_t ran = 0;
  int64_t waited = 0;
  file >> ran >> waited;
  return absl::Nanoseconds(waited);
}

void HotLoop::PushOutCold() {
  ::madvise(reinterpret_cast<char*>(data_) + hot_, size_ - hot_, MADV_PAGEOUT);
}

void HotLoop::Run() {
  thread_id_ = ::gettid();
  uint64_t sum = 0;
  for (size_t at = 0; !ends_; at = (at + kPart) % hot_) {
    const uint64_t* const part = data_ + at / 8;
    for (size_t i = 0; i < kPart / 8; ++i) sum += part[i];
    // So that no reading is left out.
    asm volatile("" : : "r"(sum));
    read_ += kPart;
  }
}

}  // namespace governor
