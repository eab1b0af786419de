#ifndef GOVERNOR_BUDGET_GATE_H_
#define GOVERNOR_BUDGET_GATE_H_

#include <optional>

#include "governor/base/bytes.h"
#include "governor/budget/refusal.h"

namespace governor {

// What the machine, rather than the budget, says to a grant: the floor that the
// operating system keeps. A budget asks it before it counts a request, so that
// nothing is granted, and no driver called, that the machine cannot spare.
// Thread-safe. A budget may hold its own lock while it asks: a gate only
// counts, and calls neither a budget nor a user.
class Gate {
 public:
  virtual ~Gate() = default;

  // Nothing when the machine can spare `size`, which then counts as taken; else
  // why not (`asked`, `tag` and `holders` are filled in by the caller).
  virtual std::optional<Refusal> Admit(Bytes size) = 0;

  // `size` was admitted and then not granted.
  virtual void Withdraw(Bytes size) = 0;

  // What could still be admitted now.
  virtual Bytes headroom() const = 0;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_GATE_H_
