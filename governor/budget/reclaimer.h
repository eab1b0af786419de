#ifndef GOVERNOR_BUDGET_RECLAIMER_H_
#define GOVERNOR_BUDGET_RECLAIMER_H_

#include "absl/time/time.h"
#include "governor/base/bytes.h"

namespace governor {

// What a holder of grants offers to give back when the budget is short.
class Reclaimer {
 public:
  virtual ~Reclaimer() = default;

  // Drops grants of about `wanted` bytes, less if it has less, and returns how
  // much it dropped. Called by the thread that is short, with no lock of the
  // library held; several threads may be inside at once. It may drop grants and
  // ask for new ones. It should return by `deadline`. What it throws passes to
  // whoever asked the budget, who is granted nothing then.
  virtual Bytes Reclaim(Bytes wanted, absl::Time deadline) = 0;
};

struct ReclaimerOptions {
  enum class Kind {
    // Gives back what nothing uses, runs no code of a user, and is quick: asked
    // first, and by every request.
    kCache,
    // Runs code of a user: asked only by requests that have time to wait.
    kCallback,
  };
  Kind kind = Kind::kCallback;
  // Lower priorities are asked first.
  int priority = 0;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_RECLAIMER_H_
