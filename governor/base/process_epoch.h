#ifndef GOVERNOR_BASE_PROCESS_EPOCH_H_
#define GOVERNOR_BASE_PROCESS_EPOCH_H_

#include <cstdint>

namespace governor {

// A number that differs between a process and the children it forks. What is
// granted belongs to the process that asked, and the CUDA driver does not
// survive a fork, so every object that holds a grant or a driver handle keeps
// the epoch of its birth and does nothing at all in another one.
//
// Thread-safe. Costs one load: fork handlers keep the number, no system call
// reads it. A raw clone(2) that runs no fork handler is not noticed.
uint64_t CurrentProcessEpoch();

// Remembers the epoch in which it was made.
class ProcessEpoch {
 public:
  ProcessEpoch() : born_(CurrentProcessEpoch()) {}

  // False in a forked child.
  bool is_current() const { return born_ == CurrentProcessEpoch(); }

 private:
  uint64_t born_;
};

}  // namespace governor

#endif  // GOVERNOR_BASE_PROCESS_EPOCH_H_
