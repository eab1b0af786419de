#ifndef GOVERNOR_BUDGET_ARBITER_H_
#define GOVERNOR_BUDGET_ARBITER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/budget/budget.h"
#include "governor/budget/entrance.h"
#include "governor/budget/reclaimer.h"

namespace governor {

// Whom to ask for memory, in what order, how much. It knows reclaimers and
// nothing of limits. Thread-safe; it holds no lock while a reclaimer runs.
//
// A reclaimer that asks for memory itself is not asked again further down the
// same call, nor is any other of this arbiter: what it needs is then refused
// rather than sought for ever. Those of other arbiters are.
class Arbiter {
 public:
  // Outlives its registrations. A registration's end waits for other threads
  // that are inside the reclaimer, not for the thread that ends it.
  std::unique_ptr<Budget::Registration> Register(
      Reclaimer& reclaimer, const ReclaimerOptions& options);

  struct Round {
    ReclaimerOptions::Kind kind;
    absl::Time deadline;
    // Of callbacks, the dearest that are asked.
    ReclaimerOptions::Cost most = ReclaimerOptions::Cost::kDear;
    // How much is lacking now: asked before each reclaimer. Zero ends the
    // round.
    std::function<Bytes()> lacking;
    // A number that grows by what comes back to the budget.
    std::function<uint64_t()> returned;
    // What a reclaimer throws: true, it passes, and the others are not asked;
    // false, it is counted, and they are.
    bool passes_exceptions = true;
  };

  // Asks each reclaimer of the kind once, in the order of reclaimer.h, until
  // nothing is lacking or the deadline passed by `clock` (caches are asked
  // whatever the time). True when one gave something or said so. In a forked
  // child of a reclaimer the round is over.
  bool Ask(const Round& round, const Clock& clock);

  ReclaimFaults faults() const;

 private:
  struct Member;
  class MemberRegistration;

  // True when it gave something or said so.
  bool AskOne(const Round& round, Reclaimer& reclaimer, Bytes wanted,
              const Clock& clock);

  const ProcessEpoch process_;
  Mutex mutex_;
  std::vector<std::shared_ptr<Member>> members_ ABSL_GUARDED_BY(mutex_);
  std::atomic<uint64_t> threw_{0};
  std::atomic<uint64_t> late_{0};
  std::atomic<uint64_t> overstated_{0};
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_ARBITER_H_
