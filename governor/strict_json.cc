#include "governor/strict_json.h"

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/printable.h"

namespace governor {
namespace {

// Our files are three levels deep.
constexpr int kMaxDepth = 8;
constexpr size_t kMaxShown = 64;

}  // namespace

std::string QuotedStart(absl::string_view text) {
  return absl::StrCat("'", Printable(text.substr(0, kMaxShown)), "'");
}

absl::StatusOr<StrictJson> ParseStrictJson(absl::string_view text) {
  std::string problem;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, StrictJson::parse_event_t event,
                         StrictJson& parsed) {
    if (depth > kMaxDepth && problem.empty()) {
      problem = absl::StrCat("nested deeper than ", kMaxDepth);
    }
    if (!problem.empty()) return false;
    if (event == StrictJson::parse_event_t::object_start) {
      keys.emplace_back();
    } else if (event == StrictJson::parse_event_t::object_end) {
      keys.pop_back();
    } else if (event == StrictJson::parse_event_t::key) {
      const std::string& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second) {
        problem = absl::StrCat("the key ", QuotedStart(key), " is there twice");
      }
    }
    return true;
  };
  StrictJson json;
  try {
    json = StrictJson::parse(text.begin(), text.end(), watch);
  } catch (const StrictJson::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        "not JSON: ",
        Printable(absl::string_view(error.what()).substr(0, 256))));
  }
  if (!problem.empty()) return absl::InvalidArgumentError(problem);
  return json;
}

absl::StatusOr<const StrictJson*> ListOfVersion(const StrictJson& json,
                                                int version, const char* list) {
  if (!json.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat("not an object of ", list));
  }
  for (const auto& [key, value] : json.items()) {
    if (key != "version" && key != list) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown key ", QuotedStart(key)));
    }
  }
  const auto found_version = json.find("version");
  if (found_version == json.end() || *found_version != version) {
    return absl::InvalidArgumentError(
        absl::StrCat("'version' must be ", version));
  }
  const auto found = json.find(list);
  if (found == json.end() || !found->is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", list, "' must be a list"));
  }
  return &*found;
}

absl::Status JsonFields::Wrong(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(where_, ": ", what));
}

absl::StatusOr<const StrictJson*> JsonFields::Find(const char* key,
                                                   bool required) {
  known_.insert(key);
  const auto found = json_.find(key);
  if (found != json_.end()) return &*found;
  if (required) return Wrong(absl::StrCat("lacks ", QuotedStart(key)));
  return nullptr;
}

absl::Status JsonFields::Text(const char* key, bool required,
                              std::string& text) {
  GOVERNOR_ASSIGN_OR_RETURN(const StrictJson* value, Find(key, required));
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_string()) {
    return Wrong(absl::StrCat(QuotedStart(key), " must be a text"));
  }
  text = value->get<std::string>();
  return absl::OkStatus();
}

absl::Status JsonFields::Size(const char* key, bool required,
                              std::optional<Bytes>& size) {
  GOVERNOR_ASSIGN_OR_RETURN(const StrictJson* value, Find(key, required));
  if (value == nullptr) return absl::OkStatus();
  if (!value->is_number_unsigned()) {
    return Wrong(absl::StrCat(
        QuotedStart(key),
        " must be a whole number of bytes below 2^64, for example 1073741824; "
        "not ",
        QuotedStart(
            value->dump(-1, ' ', true, StrictJson::error_handler_t::replace))));
  }
  size = Bytes(value->get<uint64_t>());
  return absl::OkStatus();
}

absl::Status JsonFields::CheckNothingElse() const {
  for (const auto& [key, value] : json_.items()) {
    if (!known_.count(key)) {
      return Wrong(absl::StrCat("unknown key ", QuotedStart(key)));
    }
  }
  return absl::OkStatus();
}

}  // namespace governor
