#include "governor/plan_profile.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "governor/policy/engine.h"
#include "governor/printable.h"

namespace governor {
namespace {

constexpr size_t kMaxName = 64;
constexpr size_t kMaxText = 1024;

bool MayBeInAName(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
         c == '_' || c == '-';
}

std::string Quoted(absl::string_view text) {
  return absl::StrCat("'", Printable(text), "'");
}

// Takes `held` where nothing was given, and else says which one is used.
void Take(absl::string_view what, const PlanProfile& profile, Bytes held,
          std::optional<Bytes>& used, std::vector<std::string>& notes) {
  if (!used) {
    used = held;
  } else if (*used != held) {
    notes.push_back(absl::StrCat(
        "The given ", what, " of ", used->count(), " bytes are used, not the ",
        held.count(), " bytes of profile ", Quoted(profile.name), "."));
  }
}

}  // namespace

std::string ProfileModel(const ModelShape& model) {
  if (model.name.empty()) return model.architecture;
  return absl::StrCat(model.architecture, "/", model.name);
}

absl::Status CheckProfile(const PlanProfile& profile) {
  const std::string& name = profile.name;
  if (name.empty() || name.size() > kMaxName ||
      !std::all_of(name.begin(), name.end(), &MayBeInAName)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a profile's name is 1 to ", kMaxName,
        " letters, digits, '.', '_' and '-', for example llama-8b-vllm; not ",
        Quoted(absl::string_view(name).substr(0, kMaxName))));
  }
  for (const auto& [key, text] : {std::pair{"model", &profile.model},
                                  {"engine", &profile.engine},
                                  {"device", &profile.device},
                                  {"driver", &profile.driver},
                                  {"stored", &profile.stored},
                                  {"note", &profile.note}}) {
    if (text->size() > kMaxText) {
      return absl::InvalidArgumentError(
          absl::StrCat("the ", key, " of profile ", Quoted(name), " has ",
                       text->size(), " bytes, and may have ", kMaxText));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> ApplyProfile(const PlanProfile& profile,
                                      const ModelShape& model,
                                      PlanRequest& request) {
  std::vector<std::string> notes;
  request.profile = profile.name;
  std::string origin =
      absl::StrCat("Profile ", Quoted(profile.name), " was stored");
  if (!profile.stored.empty()) {
    absl::StrAppend(&origin, " on ", Printable(profile.stored));
  }
  absl::StrAppend(&origin, " for model ", Quoted(profile.model), ", engine ",
                  Printable(profile.engine));
  if (!profile.device.empty()) {
    absl::StrAppend(&origin, ", device ", Printable(profile.device));
  }
  if (!profile.driver.empty()) {
    absl::StrAppend(&origin, ", driver ", Printable(profile.driver));
  }
  notes.push_back(origin + ".");
  if (!profile.note.empty()) {
    notes.push_back(absl::StrCat("Profile ", Quoted(profile.name),
                                 " says: ", Printable(profile.note)));
  }
  Take("activations", profile, profile.activations, request.activations, notes);
  Take("allowance", profile, profile.allowance, request.allowance, notes);
  if (profile.graphs) {
    Take("graphs", profile, *profile.graphs, request.graphs, notes);
  }
  const auto compare = [&](absl::string_view what, absl::string_view profiled,
                           absl::string_view planned) {
    if (profiled == planned) return;
    notes.push_back(absl::StrCat(
        "Profile ", Quoted(profile.name), " is of another ", what, ": ",
        Quoted(profiled), ", and this plan is of ", Quoted(planned), "."));
  };
  compare("model", profile.model, ProfileModel(model));
  compare("engine", profile.engine, ToString(request.layout.engine));
  return notes;
}

}  // namespace governor
