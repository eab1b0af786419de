#ifndef GOVERNOR_BUDGET_ARBITER_H_
#define GOVERNOR_BUDGET_ARBITER_H_

#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/budget/budget.h"
#include "governor/budget/reclaimer.h"

namespace governor {

// Whom to ask for memory, in what order, how much. It knows reclaimers and
// nothing of limits. Thread-safe; it holds no lock while a reclaimer runs.
//
// A reclaimer that asks for memory itself is not asked again further down the
// same call: what it needs is then refused rather than sought for ever.
class Arbiter {
 public:
  // Outlives its registrations. A reclaimer does not end its own registration
  // from inside Reclaim: the end waits for that call.
  std::unique_ptr<Budget::Registration> Register(
      Reclaimer& reclaimer, const ReclaimerOptions& options);

  // Asks each reclaimer of `kind`, lowest priority first and then oldest first,
  // until `wanted` was given back or `deadline` passed by `clock` (caches are
  // asked whatever the time). Returns what they said they gave back. What a
  // reclaimer throws passes; the others are not asked then.
  Bytes Ask(ReclaimerOptions::Kind kind, Bytes wanted, absl::Time deadline,
            const Clock& clock);

 private:
  struct Member;
  class Inside;
  class MemberRegistration;

  const ProcessEpoch process_;
  Mutex mutex_;
  CondVar left_;  // a thread left a reclaimer
  std::vector<std::shared_ptr<Member>> members_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_ARBITER_H_
