#ifndef GOVERNOR_POLICY_REHEARSAL_H_
#define GOVERNOR_POLICY_REHEARSAL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"

namespace governor {

// A part of a program's life that takes memory: loading, capturing, serving.
struct RehearsedPhase {
  std::string name;
  Bytes size;
  // Gives its bytes back at its end; else they stay.
  bool transient = false;
  // What it holds may be taken back for phases that come later. Not of a
  // transient one: nobody comes later while it lasts.
  bool reclaimable = false;
};

// What would happen to one phase. All of it is granted bytes, the allowance
// included.
struct PhaseOutcome {
  struct Shrunk {
    size_t phase = 0;  // by number
    Bytes size;
  };

  Bytes before;
  // Who gives back before it starts, in the order of the phases, and no more
  // than is needed.
  std::vector<Shrunk> shrinks;
  Bytes during;
  // What was given back for a transient phase is taken again at its end.
  Bytes after;
  // What is missing when all that can shrink did; zero: it fits.
  Bytes shortfall;
  // The most that it could take here.
  Bytes largest;
};

struct Rehearsal {
  // Of each phase until the first that does not fit, that one included.
  std::vector<PhaseOutcome> outcomes;
  bool fits = false;
  // The most that is granted at once, of the phases that fit.
  Bytes peak;
  // The smallest budget in which all phases fit; and in which none has to
  // shrink for another.
  Bytes smallest_budget;
  Bytes smallest_budget_unshrunk;
};

// Plays the phases in their order against a budget; loads and asks nothing. A
// pure function: arithmetic on what was declared.
// INVALID_ARGUMENT, naming the phase and an example: no phase, a name that is
// no tag's (1 to 63 printable characters), a size of zero, one that is
// transient and reclaimable; an allowance above the budget; sizes of 2^64 bytes
// and more together.
absl::StatusOr<Rehearsal> Rehearse(Bytes budget, Bytes allowance,
                                   absl::Span<const RehearsedPhase> phases);

}  // namespace governor

#endif  // GOVERNOR_POLICY_REHEARSAL_H_
