#include "tests/fault/scenarios.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace governor {

const std::vector<Scenario>& Scenarios() {
  static const auto& scenarios = *new std::vector<Scenario>{
      {.name = "open", .prepare = "", .act = "open"},
      {.name = "reopen",
       .prepare = "open; reserve; commit 0 8; close_region; close",
       .act = "open; reserve; commit 0 2"},
      {.name = "reserve", .prepare = "open", .act = "reserve"},
      {.name = "commit",
       .prepare = "open; reserve",
       .act = "commit 3 4",
       .traits = {.is_hot = true}},
      {.name = "commit_reusing",
       .prepare = "open; reserve; commit 0 8; decommit 2 2",
       .act = "commit 8 4"},
      {.name = "commit_tagged",
       .prepare = "open; reserve",
       .act = "tag; commit 3 4; untag"},
      {.name = "grow",
       .prepare = "open; reserve; commit 0 8",
       .act = "commit 8 4; commit 12 4; commit 16 2"},
      {.name = "shrink",
       .prepare = "open; reserve; commit 0 8",
       .act = "decommit 1 6",
       .traits = {.is_hot = true}},
      {.name = "shrink_now",
       .prepare = "open; reserve; commit 0 8",
       .act = "decommit_now 1 6"},
      {.name = "swap",
       .prepare = "open; reserve; commit 0 8",
       .act = "decommit 0 4; commit 20 6",
       .traits = {.is_hot = true}},
      {.name = "trim",
       .prepare = "open; reserve; commit 0 8; decommit 2 2",
       .act = "lease_past 4",
       .traits = {.may_be_refused = true}},
      {.name = "lease", .prepare = "open", .act = "lease 2; release"},
      {.name = "refused",
       .prepare = "open; reserve; commit 0 8",
       .act = "lease_past 2; snapshot",
       .traits = {.is_refused = true}},
      {.name = "refused_in_a_region",
       .prepare = "open; reserve; lease_past 0",
       .act = "commit 0 4; snapshot",
       .traits = {.is_refused = true}},
      {.name = "refused_after_a_wait",
       .prepare = "open; reserve; commit 0 8; decommit 2 2",
       .act = "wait_lease 64; snapshot",
       .traits = {.is_refused = true}},
      {.name = "snapshot",
       .prepare = "open; reserve; commit 0 8; decommit 2 2",
       .act = "snapshot"},
      {.name = "close_region",
       .prepare = "open; reserve; commit 0 8; decommit 2 2",
       .act = "close_region"},
      {.name = "close",
       .prepare = "open; reserve; commit 0 8; decommit 2 2",
       .act = "close_region; close",
       .traits = {.is_hot = true}},
      {.name = "drop_region",
       .prepare = "open; reserve; commit 0 8; decommit 2 2",
       .act = "drop_region"},
      {.name = "drop",
       .prepare = "open; reserve; commit 0 8; decommit 2 2",
       .act = "drop"},
      {.name = "outlive_the_governor",
       .prepare = "open; reserve; commit 0 8; decommit 2 2",
       .act = "drop_governor; commit 8 4; decommit 0 2; drop_region"},
      {.name = "everything",
       .prepare = "",
       .act = "open; reserve; commit 0 8; decommit 2 2; commit 8 10; "
              "snapshot; close_region; close",
       .traits = {.is_hot = true}},
  };
  return scenarios;
}

std::vector<Step> ParseSteps(const char* text) {
  std::vector<Step> steps;
  for (const absl::string_view part :
       absl::StrSplit(text, "; ", absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(part, ' ');
    Step step{words[0], {}};
    for (size_t i = 1; i < words.size(); ++i) {
      step.numbers.push_back(0);
      if (!absl::SimpleAtoi(words[i], &step.numbers.back())) std::abort();
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace governor
