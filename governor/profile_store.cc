#include "governor/profile_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "governor/atomic_file.h"
#include "governor/base/status_macros.h"
#include "governor/printable.h"
#include "governor/profile_json.h"

namespace governor {
namespace {

std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", Printable(text), "'");
}

absl::Status InFile(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("profiles in ", Quoted(path),
                                                  ": ", status.message()));
}

std::string NamesOf(const std::vector<PlanProfile>& profiles) {
  if (profiles.empty()) return "it has none";
  return absl::StrCat(
      "it has ",
      absl::StrJoin(profiles, ", ",
                    [](std::string* out, const PlanProfile& profile) {
                      absl::StrAppend(out, profile.name);
                    }));
}

}  // namespace

absl::StatusOr<std::string> DefaultProfilesPath(
    const EnvironmentReader& environment) {
  if (const char* path = environment("GOVERNOR_PROFILES")) {
    if (*path != '\0') return std::string(path);
    return absl::InvalidArgumentError(
        "in GOVERNOR_PROFILES: a file's path, for example "
        "/etc/governor/profiles.json; given nothing");
  }
  const char* config = environment("XDG_CONFIG_HOME");
  if (config != nullptr && *config == '/') {
    return absl::StrCat(config, "/governor/profiles.json");
  }
  const char* home = environment("HOME");
  if (home != nullptr && *home == '/') {
    return absl::StrCat(home, "/.config/governor/profiles.json");
  }
  return absl::FailedPreconditionError(
      "no place for profiles: neither GOVERNOR_PROFILES nor XDG_CONFIG_HOME "
      "nor HOME is set; name a file, for example with "
      "GOVERNOR_PROFILES=/etc/governor/profiles.json");
}

absl::StatusOr<std::vector<PlanProfile>> ReadProfiles(const std::string& path) {
  const absl::StatusOr<std::string> text =
      ReadSmallFile(path, kMaxProfilesFile);
  if (!text.ok()) return InFile(path, text.status());
  absl::StatusOr<std::vector<PlanProfile>> profiles = ParseProfiles(*text);
  if (!profiles.ok()) return InFile(path, profiles.status());
  return profiles;
}

absl::StatusOr<PlanProfile> FindProfile(const std::string& path,
                                        absl::string_view name) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<PlanProfile> profiles,
                            ReadProfiles(path));
  const auto found = std::find_if(
      profiles.begin(), profiles.end(),
      [&](const PlanProfile& profile) { return profile.name == name; });
  if (found != profiles.end()) return *found;
  return InFile(path, absl::NotFoundError(absl::StrCat(
                          "no profile is called ", Quoted(name.substr(0, 64)),
                          "; ", NamesOf(profiles))));
}

absl::Status SaveProfile(const std::string& path, const PlanProfile& profile,
                         bool* replaced) {
  GOVERNOR_RETURN_IF_ERROR(CheckProfile(profile));
  absl::StatusOr<std::vector<PlanProfile>> profiles = ReadProfiles(path);
  if (!profiles.ok()) {
    if (!absl::IsNotFound(profiles.status())) return profiles.status();
    profiles = std::vector<PlanProfile>();
  }
  const auto same = std::find_if(
      profiles->begin(), profiles->end(),
      [&](const PlanProfile& other) { return other.name == profile.name; });
  if (replaced != nullptr) *replaced = same != profiles->end();
  if (same != profiles->end()) {
    *same = profile;
  } else {
    profiles->push_back(profile);
  }
  const std::string text = WriteProfiles(*profiles);
  if (text.size() > kMaxProfilesFile.count()) {
    return InFile(path, absl::InvalidArgumentError(absl::StrCat(
                            "would have ", text.size(), " bytes, and may have ",
                            kMaxProfilesFile.count(),
                            "; remove profiles that are not used")));
  }
  const absl::Status written = ReplaceFile(path, text);
  return written.ok() ? written : InFile(path, written);
}

}  // namespace governor
