#ifndef GOVERNOR_CLI_REHEARSAL_REPORT_H_
#define GOVERNOR_CLI_REHEARSAL_REPORT_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/policy/rehearsal.h"

namespace governor {

// A rehearsal and what it was of, for people and for scripts.
struct RehearsalReport {
  Bytes budget;
  // What the budget was before a cgroup's smaller limit became it.
  std::optional<Bytes> declared_budget;
  std::optional<Bytes> os_reserve;  // kept back before the budget
  // What the default OS reserve lets be granted of a declared budget; absent:
  // all of it.
  std::optional<Bytes> usable;
  Bytes allowance;
  std::vector<RehearsedPhase> phases;
  std::vector<bool> recorded;  // of each phase: its size is a recorded peak
  Rehearsal rehearsal;

  std::string ToText() const;
  nlohmann::ordered_json ToJson() const;
  // Why the first that does not fit does not, and what would.
  std::string Misfit() const;
};

}  // namespace governor

#endif  // GOVERNOR_CLI_REHEARSAL_REPORT_H_
