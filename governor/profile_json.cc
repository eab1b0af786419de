#include "governor/profile_json.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/printable.h"

namespace governor {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
// The file's form is three levels deep.
constexpr int kMaxDepth = 8;
constexpr size_t kMaxShown = 64;

absl::Status Wrong(const std::string& where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where, ": ", what));
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", Printable(text.substr(0, kMaxShown)), "'");
}

// A parsed text, but an error where a key is twice in one object, which the
// parser alone would hide.
absl::StatusOr<Json> ParseStrictly(absl::string_view text) {
  std::string problem;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxDepth && problem.empty()) {
      problem = absl::StrCat("nested deeper than ", kMaxDepth);
    }
    if (!problem.empty()) return false;
    if (event == Json::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == Json::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == Json::parse_event_t::key) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) {
        problem = absl::StrCat("the key ", Quoted(key), " is there twice");
      }
    }
    return true;
  };
  Json json;
  try {
    json = Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not JSON: ",
        Printable(absl::string_view(error.what()).substr(0, 256))));
  }
  if (!problem.empty()) return absl::InvalidArgumentError(problem);
  return json;
}

// One profile, key by key.
class ProfileReader {
 public:
  ProfileReader(const Json& json, std::string where)
      : json_(json), where_(std::move(where)) {}

  absl::StatusOr<PlanProfile> Read() {
    PlanProfile profile;
    GOVERNOR_RETURN_IF_ERROR(Text("name", true, profile.name));
    where_ = absl::StrCat("profile ", Quoted(profile.name));
    GOVERNOR_RETURN_IF_ERROR(Text("model", true, profile.model));
    GOVERNOR_RETURN_IF_ERROR(Text("engine", true, profile.engine));
    GOVERNOR_RETURN_IF_ERROR(Text("device", false, profile.device));
    GOVERNOR_RETURN_IF_ERROR(Text("driver", false, profile.driver));
    std::optional<Bytes> size;
    GOVERNOR_RETURN_IF_ERROR(Size("activation_bytes", true, size));
    profile.activations = *size;
    GOVERNOR_RETURN_IF_ERROR(Size("allowance_bytes", true, size));
    profile.allowance = *size;
    GOVERNOR_RETURN_IF_ERROR(Size("graph_bytes", false, profile.graphs));
    GOVERNOR_RETURN_IF_ERROR(Text("stored", false, profile.stored));
    GOVERNOR_RETURN_IF_ERROR(Text("note", false, profile.note));
    for (const auto& [key, value] : json_.items()) {
      if (!known_.count(key)) {
        return Wrong(where_, absl::StrCat("unknown key ", Quoted(key)));
      }
    }
    GOVERNOR_RETURN_IF_ERROR(CheckProfile(profile));
    return profile;
  }

 private:
  // The value; null where it may be absent and is.
  absl::StatusOr<const Json*> Find(const char* key, bool required) {
    known_.insert(key);
    const auto found = json_.find(key);
    if (found != json_.end()) return &*found;
    if (required) return Wrong(where_, absl::StrCat("lacks ", Quoted(key)));
    return nullptr;
  }

  absl::Status Text(const char* key, bool required, std::string& text) {
    GOVERNOR_ASSIGN_OR_RETURN(const Json* value, Find(key, required));
    if (value == nullptr) return absl::OkStatus();
    if (!value->is_string()) {
      return Wrong(where_, absl::StrCat(Quoted(key), " must be a text"));
    }
    text = value->get<std::string>();
    return absl::OkStatus();
  }

  absl::Status Size(const char* key, bool required,
                    std::optional<Bytes>& size) {
    GOVERNOR_ASSIGN_OR_RETURN(const Json* value, Find(key, required));
    if (value == nullptr) return absl::OkStatus();
    if (!value->is_number_unsigned()) {
      return Wrong(
          where_,
          absl::StrCat(Quoted(key),
                       " must be a whole number of bytes below 2^64, "
                       "for example 1073741824; not ",
                       Quoted(value->dump(-1, ' ', true,
                                          Json::error_handler_t::replace))));
    }
    size = Bytes(value->get<uint64_t>());
    return absl::OkStatus();
  }

  const Json& json_;
  std::string where_;
  std::set<std::string> known_;
};

absl::Status CheckForm(const Json& json) {
  if (!json.is_object()) {
    return absl::InvalidArgumentError("not an object of profiles");
  }
  for (const auto& [key, value] : json.items()) {
    if (key != "version" && key != "profiles") {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown key ", Quoted(key)));
    }
  }
  const auto version = json.find("version");
  if (version == json.end() || *version != kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("'version' must be ", kVersion));
  }
  const auto profiles = json.find("profiles");
  if (profiles == json.end() || !profiles->is_array()) {
    return absl::InvalidArgumentError("'profiles' must be a list");
  }
  return absl::OkStatus();
}

}  // namespace

std::string WriteProfiles(const std::vector<PlanProfile>& profiles) {
  Json json = {{"version", kVersion}, {"profiles", Json::array()}};
  for (const PlanProfile& profile : profiles) {
    Json entry = {{"name", profile.name},
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
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<std::vector<PlanProfile>> ParseProfiles(absl::string_view text) {
  GOVERNOR_ASSIGN_OR_RETURN(const Json json, ParseStrictly(text));
  GOVERNOR_RETURN_IF_ERROR(CheckForm(json));
  std::vector<PlanProfile> profiles;
  std::set<std::string> names;
  for (const Json& entry : json["profiles"]) {
    const std::string where = absl::StrCat("profile ", profiles.size() + 1);
    if (!entry.is_object()) return Wrong(where, "not an object");
    GOVERNOR_ASSIGN_OR_RETURN(PlanProfile profile,
                              ProfileReader(entry, where).Read());
    if (!names.insert(profile.name).second) {
      return Wrong(absl::StrCat("profile ", Quoted(profile.name)),
                   "the name is there twice");
    }
    profiles.push_back(std::move(profile));
  }
  return profiles;
}

}  // namespace governor
