#ifndef GOVERNOR_SNAPSHOT_REPORT_H_
#define GOVERNOR_SNAPSHOT_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "governor/budget/machine_record.h"
#include "governor/snapshot.h"

namespace governor {

// A snapshot with the keys of `governor stat --json`: stable names, bytes as
// integers, no unit in a value. docs/metrics.md explains each key.
nlohmann::ordered_json ToJson(const Snapshot& snapshot);

// The same for people: a table whose lines add up.
std::string ToText(const Snapshot& snapshot);

// What `governor stat --explain` adds.
struct Explanation {
  // As Device has them: whether the OS reserve governs the device's memory.
  bool takes_host_memory = false;
  std::string why_host_memory = "";
  std::vector<MachineRecord::RememberedRefusal> refusals = {};
};

// Whose memory the device's is, and the refusals, the newest first: when, who,
// how much, and which limit with its numbers.
nlohmann::ordered_json ToJson(const Explanation& explanation);
std::string ToText(const Explanation& explanation);

// "taken from the machine, because ...", and what follows from it.
std::string WhoseMemory(bool takes_host_memory, absl::string_view why);

}  // namespace governor

#endif  // GOVERNOR_SNAPSHOT_REPORT_H_
