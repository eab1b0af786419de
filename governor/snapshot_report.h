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

// The refusals of `governor stat --explain`, the newest first: when, who, how
// much, and which limit with its numbers.
nlohmann::ordered_json ToJson(
    const std::vector<MachineRecord::RememberedRefusal>& refusals);
std::string ToText(
    const std::vector<MachineRecord::RememberedRefusal>& refusals);

}  // namespace governor

#endif  // GOVERNOR_SNAPSHOT_REPORT_H_
