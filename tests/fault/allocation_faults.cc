#include "tests/fault/allocation_faults.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace governor {
namespace {

// One thread's plan. Of plain values, so that a thread gets it without memory.
struct Plan {
  bool is_on = false;
  bool from_there_on = false;
  int uncounted = 0;  // how many UncountedAllocations live
  uint64_t first = 0;
  uint64_t seen = 0;
};
constinit thread_local Plan plan;

bool Fails() {
  if (!plan.is_on || plan.uncounted > 0) return false;
  ++plan.seen;
  return plan.from_there_on ? plan.first != 0 && plan.seen >= plan.first
                            : plan.seen == plan.first;
}

void* Allocate(std::size_t size) {
  return Fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}

void* Allocate(std::size_t size, std::align_val_t alignment) {
  if (Fails()) return nullptr;
  void* memory = nullptr;
  const std::size_t at_least =
      std::max(static_cast<std::size_t>(alignment), sizeof(void*));
  return posix_memalign(&memory, at_least, size) == 0 ? memory : nullptr;
}

void* OrThrow(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void FailAllocation(uint64_t n, bool from_there_on) {
  plan.is_on = true;
  plan.from_there_on = from_there_on;
  plan.first = n;
  plan.seen = 0;
}

uint64_t StopAllocationFaults() {
  plan.is_on = false;
  return plan.seen;
}

UncountedAllocations::UncountedAllocations() { ++plan.uncounted; }
UncountedAllocations::~UncountedAllocations() { --plan.uncounted; }

}  // namespace governor

using governor::Allocate;
using governor::OrThrow;
using std::align_val_t;
using std::nothrow_t;
using std::size_t;

void* operator new(size_t size) { return OrThrow(Allocate(size)); }
void* operator new[](size_t size) { return OrThrow(Allocate(size)); }
void* operator new(size_t size, const nothrow_t&) noexcept {
  return Allocate(size);
}
void* operator new[](size_t size, const nothrow_t&) noexcept {
  return Allocate(size);
}
void* operator new(size_t size, align_val_t alignment) {
  return OrThrow(Allocate(size, alignment));
}
void* operator new[](size_t size, align_val_t alignment) {
  return OrThrow(Allocate(size, alignment));
}
void* operator new(size_t size, align_val_t alignment,
                   const nothrow_t&) noexcept {
  return Allocate(size, alignment);
}
void* operator new[](size_t size, align_val_t alignment,
                     const nothrow_t&) noexcept {
  return Allocate(size, alignment);
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, const nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete(void* memory, align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t, align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, align_val_t, const nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, align_val_t, const nothrow_t&) noexcept {
  std::free(memory);
}
