#ifndef GOVERNOR_SNAPSHOT_REPORT_H_
#define GOVERNOR_SNAPSHOT_REPORT_H_

#include <nlohmann/json.hpp>
#include <string>

#include "governor/snapshot.h"

namespace governor {

// A snapshot with the keys of `governor stat --json`: stable names, bytes as
// integers, no unit in a value. docs/metrics.md explains each key.
nlohmann::ordered_json ToJson(const Snapshot& snapshot);

// The same for people: a table whose lines add up.
std::string ToText(const Snapshot& snapshot);

}  // namespace governor

#endif  // GOVERNOR_SNAPSHOT_REPORT_H_
