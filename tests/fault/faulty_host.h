#ifndef GOVERNOR_TESTS_FAULT_FAULTY_HOST_H_
#define GOVERNOR_TESTS_FAULT_FAULTY_HOST_H_

#include <cstdint>

#include "governor/driver/driver_api.h"
#include "governor/driver_choice.h"

namespace governor {

// The host driver of one personality, as every governor of this process that
// names the same one uses it, so made that AllocationFaults see the product
// alone: what the driver allocates inside its functions neither counts nor
// fails, as with a real driver.
//
// One at a time; a governor that it should concern is opened while it lives.
class FaultyHost {
 public:
  // Ends the program when there is no such personality.
  explicit FaultyHost(const char* personality);
  ~FaultyHost();
  FaultyHost(const FaultyHost&) = delete;
  FaultyHost& operator=(const FaultyHost&) = delete;

  HostDriver& driver() { return *open_.host; }

  // From the next driver call on this thread that fails, its allocations fail
  // too: an error that there is no memory to tell.
  void FailAllocationsAfterDriverError();

  // No more faults, of either kind.
  void StopFaults();

 private:
  OpenDriver open_;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_FAULT_FAULTY_HOST_H_
