#include "governor/policy/rehearsal.h"

#include <algorithm>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

constexpr size_t kMaxName = 63;  // as a tag's

absl::Status Wrong(const RehearsedPhase& phase, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("phase '", absl::CHexEscape(phase.name.substr(0, kMaxName)),
                   "': ", what));
}

absl::Status CheckPhase(const RehearsedPhase& phase) {
  const std::string& name = phase.name;
  if (name.empty() || name.size() > kMaxName ||
      !std::all_of(name.begin(), name.end(), absl::ascii_isprint)) {
    return Wrong(phase, absl::StrCat("a name has 1 to ", kMaxName,
                                     " printable characters, for example "
                                     "capture"));
  }
  if (phase.size.is_zero()) {
    return Wrong(phase, "it takes nothing; for example 3GiB");
  }
  if (phase.transient && phase.reclaimable) {
    return Wrong(phase,
                 "it cannot be both transient and reclaimable: it has given "
                 "everything back before another phase begins");
  }
  return absl::OkStatus();
}

absl::Status Check(Bytes budget, Bytes allowance,
                   absl::Span<const RehearsedPhase> phases) {
  if (phases.empty()) {
    return absl::InvalidArgumentError(
        "no phases to rehearse; for example load=30GiB");
  }
  if (allowance > budget) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the allowance for unmanaged memory is too large: ",
        ToString(allowance), ", and the budget is ", ToString(budget),
        "; choose a larger budget, or a smaller allowance"));
  }
  std::optional<Bytes> sum = allowance;
  for (const RehearsedPhase& phase : phases) {
    GOVERNOR_RETURN_IF_ERROR(CheckPhase(phase));
    sum = CheckedAdd(*sum, phase.size);
    if (!sum) return Wrong(phase, "all phases together pass 2^64 bytes");
  }
  return absl::OkStatus();
}

// The state between phases.
class Stage {
 public:
  Stage(Bytes budget, Bytes allowance, absl::Span<const RehearsedPhase> phases)
      : budget_(budget),
        phases_(phases),
        held_(phases.size()),
        granted_(allowance) {}

  PhaseOutcome Play(size_t number) {
    const RehearsedPhase& phase = phases_[number];
    PhaseOutcome outcome;
    outcome.before = granted_;
    const Bytes can_shrink = Reclaimable();
    outcome.largest = budget_ - granted_ + can_shrink;
    outcome.shortfall = SaturatingSubtract(phase.size, outcome.largest);
    if (!outcome.shortfall.is_zero()) {
      outcome.during = outcome.after = granted_;
      return outcome;
    }
    outcome.shrinks =
        Shrink(SaturatingSubtract(phase.size, budget_ - granted_));
    granted_ += phase.size;
    outcome.during = granted_;
    if (phase.transient) {
      granted_ = outcome.before;
      for (const PhaseOutcome::Shrunk& shrunk : outcome.shrinks) {
        held_[shrunk.phase] += shrunk.size;
      }
    } else {
      held_[number] = phase.size;
    }
    outcome.after = granted_;
    return outcome;
  }

 private:
  Bytes Reclaimable() const {
    Bytes sum;
    for (size_t i = 0; i < phases_.size(); ++i) {
      if (phases_[i].reclaimable) sum += held_[i];
    }
    return sum;
  }

  std::vector<PhaseOutcome::Shrunk> Shrink(Bytes wanted) {
    std::vector<PhaseOutcome::Shrunk> shrinks;
    for (size_t i = 0; i < phases_.size() && !wanted.is_zero(); ++i) {
      if (!phases_[i].reclaimable || held_[i].is_zero()) continue;
      const Bytes size = std::min(held_[i], wanted);
      held_[i] -= size;
      granted_ -= size;
      wanted -= size;
      shrinks.push_back({.phase = i, .size = size});
    }
    return shrinks;
  }

  const Bytes budget_;
  const absl::Span<const RehearsedPhase> phases_;
  std::vector<Bytes> held_;
  Bytes granted_;
};

// What all phases need when those that may shrink do so as far as is needed, or
// when none does.
Bytes Needed(Bytes allowance, absl::Span<const RehearsedPhase> phases,
             bool may_shrink) {
  Bytes needed = allowance;
  Bytes staying = allowance;
  for (const RehearsedPhase& phase : phases) {
    needed = std::max(needed, staying + phase.size);
    if (phase.transient || (may_shrink && phase.reclaimable)) continue;
    staying += phase.size;
  }
  return needed;
}

}  // namespace

absl::StatusOr<Rehearsal> Rehearse(Bytes budget, Bytes allowance,
                                   absl::Span<const RehearsedPhase> phases) {
  GOVERNOR_RETURN_IF_ERROR(Check(budget, allowance, phases));
  Rehearsal rehearsal;
  rehearsal.fits = true;
  rehearsal.peak = allowance;
  rehearsal.smallest_budget = Needed(allowance, phases, /*may_shrink=*/true);
  rehearsal.smallest_budget_unshrunk =
      Needed(allowance, phases, /*may_shrink=*/false);
  Stage stage(budget, allowance, phases);
  for (size_t i = 0; i < phases.size() && rehearsal.fits; ++i) {
    rehearsal.outcomes.push_back(stage.Play(i));
    const PhaseOutcome& outcome = rehearsal.outcomes.back();
    rehearsal.fits = outcome.shortfall.is_zero();
    rehearsal.peak = std::max(rehearsal.peak, outcome.during);
  }
  return rehearsal;
}

}  // namespace governor
