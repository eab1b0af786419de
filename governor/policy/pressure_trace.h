#ifndef GOVERNOR_POLICY_PRESSURE_TRACE_H_
#define GOVERNOR_POLICY_PRESSURE_TRACE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "governor/host/host_snapshot.h"
#include "governor/policy/pressure.h"

namespace governor {

// Readings of a machine over some seconds, and what is to be said of them. For
// tests. The text:
//
//   # words
//   expect FROM_MS TO_MS none|some|critical [words of the reason]
//   changes N                how often the level may change
//   at_ms=100 stalls=3 ..    one reading; a key that is not there is as before
//
// Keys are those of record.py; counters are pages, events or microseconds.
// `some_us=-` or `swapped_in=-`: PSI, or vmstat, is absent from there on.
struct PressureTrace {
  struct Expectation {
    absl::Duration from;
    absl::Duration to;
    PressureLevel level = PressureLevel::kNone;
    std::string reason;
  };
  struct Reading {
    HostSnapshot snapshot;
    double some_avg10 = 0;  // as PSI prints it: a percentage
  };
  std::vector<Expectation> expectations;
  int changes = 0;
  std::vector<Reading> readings;
};

// INVALID_ARGUMENT, with the line: no such key, level or number, a trace with
// no reading, or none that is expected.
absl::StatusOr<PressureTrace> ParsePressureTrace(absl::string_view text);

}  // namespace governor

#endif  // GOVERNOR_POLICY_PRESSURE_TRACE_H_
