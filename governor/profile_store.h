#ifndef GOVERNOR_PROFILE_STORE_H_
#define GOVERNOR_PROFILE_STORE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/options.h"
#include "governor/plan_profile.h"

namespace governor {

// The largest file of profiles that is read or written.
constexpr Bytes kMaxProfilesFile = MiB(1);

// Where profiles are where nobody says: GOVERNOR_PROFILES, else
// $XDG_CONFIG_HOME/governor/profiles.json, else
// ~/.config/governor/profiles.json. As the XDG specification asks, an
// XDG_CONFIG_HOME that is not absolute counts as not set.
// FAILED_PRECONDITION: none of them, nor HOME, is set.
// INVALID_ARGUMENT: GOVERNOR_PROFILES is empty.
absl::StatusOr<std::string> DefaultProfilesPath(
    const EnvironmentReader& environment);

// All profiles in the file at `path`. Follows symbolic links; never blocks on a
// pipe.
// NOT_FOUND: no such file. INVALID_ARGUMENT: above kMaxProfilesFile, not a
// regular file, or what ParseProfiles refuses. Errors of open(2) and read(2).
// Each holds the path.
absl::StatusOr<std::vector<PlanProfile>> ReadProfiles(const std::string& path);

// The profile of that name, exactly. Errors as ReadProfiles; NOT_FOUND where no
// profile is called so: the message lists those that are there.
absl::StatusOr<PlanProfile> FindProfile(const std::string& path,
                                        absl::string_view name);

// Adds `profile`, or puts it in the place of the one of its name, and writes
// the file anew, 0600. Folders that are not there are made, 0700. A symbolic
// link stays, and the file that it names is written.
//
// Atomic: whoever reads meanwhile, and after a crash, finds the old file or the
// new one. Of writers at the same time the last wins, with what it had read:
// another's profile may be missing then, and must be saved again.
//
// `*replaced`, where it is not null, says whether one of its name was there.
//
// INVALID_ARGUMENT: as CheckProfile; a file that ReadProfiles refuses, which is
// left as it is; one that would pass kMaxProfilesFile. FAILED_PRECONDITION: a
// link to nothing. Errors of the file system. Each leaves the file as it was.
absl::Status SaveProfile(const std::string& path, const PlanProfile& profile,
                         bool* replaced = nullptr);

}  // namespace governor

#endif  // GOVERNOR_PROFILE_STORE_H_
