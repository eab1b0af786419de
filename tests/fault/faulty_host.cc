#include "tests/fault/faulty_host.h"

#include <cstdlib>
#include <iostream>

#include "tests/fault/allocation_faults.h"

namespace governor {
namespace {

// The driver's own table. Written while no governor is open.
DriverApi original;

constinit thread_local bool fail_allocations_after_error = false;

// One row: the original function, its allocations uncounted.
template <auto row, typename Function>
struct Row;
template <auto row, typename... Args>
struct Row<row, CUresult(Args...)> {
  static CUresult CUDAAPI Call(Args... args) {
    CUresult result;
    {
      const UncountedAllocations uncounted;
      result = (original.*row)(args...);
    }
    if (result != CUDA_SUCCESS && fail_allocations_after_error) {
      fail_allocations_after_error = false;
      FailAllocation(1, /*from_there_on=*/true);
    }
    return result;
  }
};

DriverApi Uncounted() {
  DriverApi api;
#define GOVERNOR_ROW(field, symbol) \
  api.field = &Row<&DriverApi::field, decltype(::symbol)>::Call;
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_ROW)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_ROW)
#undef GOVERNOR_ROW
  return api;
}

// HostDriver shows its table to be read. It is its own member all the same, and
// whoever opens the driver copies it from there.
DriverApi& TableOf(const HostDriver& driver) {
  return const_cast<DriverApi&>(driver.api());
}

}  // namespace

FaultyHost::FaultyHost(const char* personality) {
  absl::StatusOr<OpenDriver> open = Open(DriverChoice::kHost, personality);
  if (!open.ok()) {
    std::cerr << "no host driver: " << open.status() << "\n";
    std::exit(1);
  }
  open_ = *std::move(open);
  original = driver().api();
  TableOf(driver()) = Uncounted();
}

FaultyHost::~FaultyHost() { TableOf(driver()) = original; }

void FaultyHost::FailAllocationsAfterDriverError() {
  fail_allocations_after_error = true;
}

void FaultyHost::StopFaults() {
  fail_allocations_after_error = false;
  StopAllocationFaults();
  driver().faults().Clear();
}

}  // namespace governor
