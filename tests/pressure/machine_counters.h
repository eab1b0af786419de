#ifndef GOVERNOR_TESTS_PRESSURE_MACHINE_COUNTERS_H_
#define GOVERNOR_TESTS_PRESSURE_MACHINE_COUNTERS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "governor/base/bytes.h"

namespace governor {

// What /proc says, read by other code than the library's: the witness of these
// tests. Every function ends the program where the kernel does not say.

// A line of /proc/meminfo, such as "MemAvailable".
Bytes Meminfo(const std::string& key);

// A line of /proc/vmstat, such as "pswpin".
uint64_t Vmstat(const std::string& key);

// `total=` of /proc/pressure/memory, of the line "some" or "full".
absl::Duration StallTotal(const std::string& line);

// The machine's monotonic clock, as in the timestamps of the programs here.
absl::Duration MonotonicNow();

// Directory for large files: $TEST_TMPDIR, else /tmp.
std::string LargeFileDirectory();

// Whether the full sizes were asked for (GOVERNOR_TEST_LONG=1).
bool FullSizes();

}  // namespace governor

#endif  // GOVERNOR_TESTS_PRESSURE_MACHINE_COUNTERS_H_
