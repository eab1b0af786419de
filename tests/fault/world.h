#ifndef GOVERNOR_TESTS_FAULT_WORLD_H_
#define GOVERNOR_TESTS_FAULT_WORLD_H_

#include <string>

#include "absl/status/status.h"
#include "governor/base/bytes.h"
#include "tests/fault/scenarios.h"

namespace governor {

// The library's answer to a step.
struct Answer {
  absl::Status status;
  std::string verb = "";      // of the step
  bool is_refusal = false;    // with the numbers of one
  bool is_no_memory = false;  // how the language says that the host has none
};

// What a scenario works with, in one of the library's languages: at most one
// governor, one region and one lease. Empty at first.
//
// Besides those of the scenarios it has steps for the sweep:
//   commit_rest, decommit_all   blocks that are not, and that are, committed
//   check_access                committed blocks may be read and written (C++)
class World {
 public:
  static constexpr char kMachine[] = "gb10,memory=1GiB,context=16MiB";
  static constexpr Bytes kBudget = MiB(128);
  static constexpr Bytes kAllowance = MiB(16);
  static constexpr Bytes kRegion = MiB(64);

  virtual ~World() = default;

  // False for a step that the language cannot do.
  virtual bool Knows(const Step& step) const = 0;

  virtual Answer Perform(const Step& step) = 0;

  // Objects that are there, and not closed.
  virtual bool has_governor() const = 0;
  virtual bool has_region() const = 0;

  // What the open governor says is granted, without leases; and of its latest
  // snapshot the governed bytes.
  virtual Bytes granted() const = 0;
  virtual Bytes governed() const = 0;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_FAULT_WORLD_H_
