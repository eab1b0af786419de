#include "governor/profile_json.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/bytes.h"
#include "governor/base/status_macros.h"
#include "governor/strict_json.h"

namespace governor {
namespace {

constexpr int kVersion = 1;

absl::StatusOr<PlanProfile> ReadProfile(const StrictJson& json,
                                        std::string where) {
  JsonFields fields(json, std::move(where));
  PlanProfile profile;
  GOVERNOR_RETURN_IF_ERROR(fields.Text("name", true, profile.name));
  fields.set_where(absl::StrCat("profile ", QuotedStart(profile.name)));
  GOVERNOR_RETURN_IF_ERROR(fields.Text("model", true, profile.model));
  GOVERNOR_RETURN_IF_ERROR(fields.Text("engine", true, profile.engine));
  GOVERNOR_RETURN_IF_ERROR(fields.Text("device", false, profile.device));
  GOVERNOR_RETURN_IF_ERROR(fields.Text("driver", false, profile.driver));
  std::optional<Bytes> size;
  GOVERNOR_RETURN_IF_ERROR(fields.Size("activation_bytes", true, size));
  profile.activations = *size;
  GOVERNOR_RETURN_IF_ERROR(fields.Size("allowance_bytes", true, size));
  profile.allowance = *size;
  GOVERNOR_RETURN_IF_ERROR(fields.Size("graph_bytes", false, profile.graphs));
  GOVERNOR_RETURN_IF_ERROR(fields.Text("stored", false, profile.stored));
  GOVERNOR_RETURN_IF_ERROR(fields.Text("note", false, profile.note));
  GOVERNOR_RETURN_IF_ERROR(fields.CheckNothingElse());
  GOVERNOR_RETURN_IF_ERROR(CheckProfile(profile));
  return profile;
}

}  // namespace

std::string WriteProfiles(const std::vector<PlanProfile>& profiles) {
  StrictJson json = {{"version", kVersion}, {"profiles", StrictJson::array()}};
  for (const PlanProfile& profile : profiles) {
    StrictJson entry = {{"name", profile.name},
                        {"model", profile.model},
                        {"engine", profile.engine},
                        {"device", profile.device},
                        {"driver", profile.driver},
                        {"activation_bytes", profile.activations.count()},
                        {"allowance_bytes", profile.allowance.count()}};
    if (profile.graphs) entry["graph_bytes"] = profile.graphs->count();
    entry["stored"] = profile.stored;
    entry["note"] = profile.note;
    json["profiles"].push_back(std::move(entry));
  }
  return json.dump(2, ' ', false, StrictJson::error_handler_t::replace) + "\n";
}

absl::StatusOr<std::vector<PlanProfile>> ParseProfiles(absl::string_view text) {
  GOVERNOR_ASSIGN_OR_RETURN(const StrictJson json, ParseStrictJson(text));
  GOVERNOR_ASSIGN_OR_RETURN(const StrictJson* list,
                            ListOfVersion(json, kVersion, "profiles"));
  std::vector<PlanProfile> profiles;
  std::set<std::string> names;
  for (const StrictJson& entry : *list) {
    const std::string where = absl::StrCat("profile ", profiles.size() + 1);
    if (!entry.is_object()) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": not an object"));
    }
    GOVERNOR_ASSIGN_OR_RETURN(PlanProfile profile, ReadProfile(entry, where));
    if (!names.insert(profile.name).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "profile ", QuotedStart(profile.name), ": the name is there twice"));
    }
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

}  // namespace governor
