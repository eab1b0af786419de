#ifndef GOVERNOR_BUDGET_GATE_H_
#define GOVERNOR_BUDGET_GATE_H_

#include <optional>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/budget/refusal.h"

namespace governor {

// What the machine, rather than the budget, says to a grant: the floor that the
// operating system keeps. A budget asks it before it counts a request, so that
// nothing is granted, and no driver called, that the machine cannot spare.
//
// Admitted bytes are in flight, that is, taken off what the machine can spare,
// until they are settled: until the memory that they were for exists, so that
// the next reading of the machine shows it.
//
// Thread-safe. A budget may hold its own lock while it asks, except for
// PrepareStep: a gate only counts, and calls neither a budget nor a user.
class Gate {
 public:
  virtual ~Gate() = default;

  // Nothing when the machine can spare `size`, which then is in flight; else
  // why not: `limited_by` and `headroom`; the caller fills in the rest. It says
  // no only after it looked at the machine again.
  virtual std::optional<Refusal> Admit(Bytes size) = 0;

  // `size` was admitted and then not granted.
  virtual void Withdraw(Bytes size) = 0;

  // `size` of what was admitted is memory now. Needs no memory of the host.
  virtual void Settle(Bytes size) = 0;

  // A grant of `size` was dropped; `settled`: its memory had come to exist, and
  // is gone. Needs no memory of the host.
  virtual void Return(Bytes size, bool settled) = 0;

  // Before each step of a large commit, whose bytes were admitted as a whole:
  // looks at the machine once more and makes room where it is in the way (see
  // design.md, "how"), until `deadline` at the latest. Nothing when the step
  // may be taken; else why not. May take long; no lock is held.
  virtual std::optional<Refusal> PrepareStep(Bytes step,
                                             absl::Time deadline) = 0;

  // What could still be admitted now. No system call while a reading is fresh.
  virtual Bytes headroom() const = 0;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_GATE_H_
