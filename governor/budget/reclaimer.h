#ifndef GOVERNOR_BUDGET_RECLAIMER_H_
#define GOVERNOR_BUDGET_RECLAIMER_H_

#include <cstdint>

#include "absl/time/time.h"
#include "governor/base/bytes.h"

namespace governor {

// What a holder of grants offers to give back when the budget is short.
//
// The order in which a budget looks for bytes:
//   1. grants that nobody spends. A grant of a lease is its holder's, spent or
//      not, so a budget has none of its own; what is set aside and unspent is
//      the business of whoever set it aside;
//   2. cached chunks, and other reclaimers of Kind::kCache;
//   3. callbacks that say Cost::kCheap, lowest priority first;
//   4. the other callbacks, lowest priority first.
// Of equals the oldest registration is first.
//
// Nothing that a reclaimer says is taken on trust: what came back is what the
// budget counts. It may drop any grants, ask for new ones, register and end
// registrations, its own included (it is then never called again). It is not
// asked again for what it asks itself, and a Shrink from inside one does
// nothing. In a child that it forks, the call that asked it grants nothing. It
// may call exit(). It does not leave by longjmp. Two reclaimers that on two
// threads end each other's registration wait for each other for ever.
class Reclaimer {
 public:
  virtual ~Reclaimer() = default;

  // Drops grants of about `wanted` bytes, less if it has less, and returns how
  // much it dropped. Called with no lock of the library held, by the thread
  // that is short or by the one that serves (Budget::RegisterServer); several
  // threads may be inside at once. It should return by `deadline`: a thread
  // that is short and asks for itself is late when it is. What it throws passes
  // to whoever asked the budget, who is granted nothing then; where nobody
  // asked for himself (Budget::ServeRequests, Budget::Shrink) it is counted,
  // and the next one is asked.
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
  // What it costs to have the bytes again.
  enum class Cost {
    kCheap,  // little: they are a copy, or quickly made
    kDear,   // work is lost or waits
  };
  Kind kind = Kind::kCallback;
  // Of one cost, lower priorities are asked first.
  int priority = 0;
  // Of callbacks, all that are cheap are asked before the others.
  Cost cost = Cost::kDear;
};

// How often reclaimers did what they should not, since the budget was made.
struct ReclaimFaults {
  uint64_t threw = 0;
  uint64_t late = 0;        // returned after the deadline
  uint64_t overstated = 0;  // said more than came back meanwhile
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_RECLAIMER_H_
