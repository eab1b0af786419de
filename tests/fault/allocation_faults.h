#ifndef GOVERNOR_TESTS_FAULT_ALLOCATION_FAULTS_H_
#define GOVERNOR_TESTS_FAULT_ALLOCATION_FAULTS_H_

#include <cstdint>

namespace governor {

// Whoever links this has every form of global operator new and delete replaced
// by one that counts, and fails when told: the throwing ones by std::bad_alloc,
// the others by null. All of it is of the calling thread alone, and nothing is
// counted or fails until it says so. malloc is left alone.

// The nth allocation from now fails: n = 1 is the very next, n = 0 never comes.
// With `from_there_on` all after it fail too. Replaces what was said before.
void FailAllocation(uint64_t n, bool from_there_on);

// No more faults; returns how many allocations were counted since they began.
uint64_t StopAllocationFaults();

// While one lives, this thread's allocations neither count nor fail: for code
// that is no part of the product.
class UncountedAllocations {
 public:
  UncountedAllocations();
  ~UncountedAllocations();
  UncountedAllocations(const UncountedAllocations&) = delete;
  UncountedAllocations& operator=(const UncountedAllocations&) = delete;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_FAULT_ALLOCATION_FAULTS_H_
