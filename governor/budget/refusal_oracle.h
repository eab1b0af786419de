#ifndef GOVERNOR_BUDGET_REFUSAL_ORACLE_H_
#define GOVERNOR_BUDGET_REFUSAL_ORACLE_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "governor/base/bytes.h"

namespace governor {

// Judges, after many threads raced for one budget, whether a request was
// refused although there was room from its call to its return.
//
// Each thread writes its own history: when a request was called and returned,
// and when what it got was given back. From these follows the most that can
// have been held at each moment (a granted request counts from its call, and
// until its return has finished). A refusal is false when even with that most
// the request would have fitted all along.
class RefusalOracle {
 public:
  explicit RefusalOracle(Bytes limit) : limit_(limit) {}

  // A point in the total order of all threads' steps.
  uint64_t Now() { return next_.fetch_add(1); }

  // One thread's history. Not thread-safe; Merge it when the thread is done.
  struct History {
    struct Held {
      uint64_t from, to;
      Bytes size;
    };
    struct Refused {
      uint64_t called, returned;
      Bytes size;
    };
    std::vector<Held> held;
    std::vector<Refused> refused;
  };

  // Not thread-safe.
  void Merge(const History& history);

  // How many refusals were false. O((h + r) log h).
  uint64_t CountFalseRefusals() const;

 private:
  const Bytes limit_;
  std::atomic<uint64_t> next_{1};
  History all_;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_REFUSAL_ORACLE_H_
