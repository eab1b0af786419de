#ifndef GOVERNOR_PHASE_STORE_H_
#define GOVERNOR_PHASE_STORE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/options.h"

namespace governor {

// The largest file of phases that is read or written.
constexpr Bytes kMaxPhasesFile = MiB(1);

// What a phase of a name ("graph_capture") was seen to take on one kind of
// device with one driver, so that the next start may reserve it. A plain value.
struct PhaseRecord {
  std::string name;
  std::string device = {};  // "NVIDIA GB10"
  std::string driver = {};  // "CUDA 13.0"
  Bytes declared = {};      // by the last that recorded
  Bytes measured = {};      // the highest of all that recorded

  friend bool operator==(const PhaseRecord&, const PhaseRecord&) = default;
};

// `phases.json`, beside the profiles: see DefaultProfilesPath, errors too.
absl::StatusOr<std::string> DefaultPhasesPath(
    const EnvironmentReader& environment);

// All that is recorded in the file at `path`; none where there is no such file.
// Follows symbolic links; never blocks on a pipe.
// INVALID_ARGUMENT, naming the path: above kMaxPhasesFile, not a regular file,
// or not what RecordPhase writes. Errors of open(2) and read(2).
absl::StatusOr<std::vector<PhaseRecord>> ReadPhases(const std::string& path);

// What was recorded of that name, device and driver; nullopt: nothing. Errors
// as ReadPhases.
absl::StatusOr<std::optional<PhaseRecord>> FindPhase(const std::string& path,
                                                     absl::string_view name,
                                                     absl::string_view device,
                                                     absl::string_view driver);

// Adds `record`, or raises the one of its name, device and driver, and writes
// the file anew as SaveProfile does: atomically, 0600; of writers at the same
// time the last wins, with what it had read. Writes nothing where nothing
// changed.
// INVALID_ARGUMENT: a name that is empty or above 63 bytes, a device or driver
// above 256; a file that ReadPhases refuses, which is left as it is; one that
// would pass kMaxPhasesFile. Errors of the file system. Each leaves the file as
// it was.
absl::Status RecordPhase(const std::string& path, const PhaseRecord& record);

}  // namespace governor

#endif  // GOVERNOR_PHASE_STORE_H_
