#include "governor/options.h"

#include <stdlib.h>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

absl::Status InVariable(const char* name, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("in ", name, ": ", status.message()));
}

// Parses the variable `name`, if it is set, and fills `value` where it is not.
template <typename T, typename Parse>
absl::Status Fill(const EnvironmentReader& environment, const char* name,
                  Parse parse, std::optional<T>& value) {
  const char* text = environment(name);
  if (text == nullptr) return absl::OkStatus();
  absl::StatusOr<T> parsed = parse(text);
  if (!parsed.ok()) return InVariable(name, parsed.status());
  if (!value) value = *std::move(parsed);
  return absl::OkStatus();
}

absl::StatusOr<int> ParsePriority(absl::string_view text) {
  int priority = 0;
  if (absl::SimpleAtoi(text, &priority)) return priority;
  return absl::InvalidArgumentError(
      absl::StrCat("not a priority: a whole number, for example 10; given '",
                   absl::CHexEscape(text.substr(0, 64)), "'"));
}

// The text, which stays text: its own reader reads it again where the host
// driver is opened.
absl::StatusOr<std::string> CheckHostDriver(absl::string_view text) {
  GOVERNOR_RETURN_IF_ERROR(ParseHostDriver(text).status());
  return std::string(text);
}

}  // namespace

const char* ReadProcessEnvironment(const char* name) {
  return secure_getenv(name);
}

absl::StatusOr<GovernorOptions> WithEnvironment(
    GovernorOptions options, const EnvironmentReader& environment) {
  GOVERNOR_RETURN_IF_ERROR(
      Fill(environment, "GOVERNOR_BUDGET", &SizeSpec::Parse, options.budget));
  GOVERNOR_RETURN_IF_ERROR(Fill(environment, "GOVERNOR_OS_RESERVE",
                                &SizeSpec::Parse, options.os_reserve));
  GOVERNOR_RETURN_IF_ERROR(Fill(environment, "GOVERNOR_ALLOWANCE",
                                &SizeSpec::Parse, options.allowance));
  GOVERNOR_RETURN_IF_ERROR(
      Fill(environment, "GOVERNOR_PRIORITY", &ParsePriority, options.priority));
  GOVERNOR_RETURN_IF_ERROR(
      Fill(environment, "GOVERNOR_DRIVER", &ParseDriverChoice, options.driver));
  GOVERNOR_RETURN_IF_ERROR(Fill(environment, "GOVERNOR_HOST_DRIVER",
                                &CheckHostDriver, options.host_driver));
  if (environment("GOVERNOR_SHARE") != nullptr) {
    return absl::UnimplementedError(
        "GOVERNOR_SHARE is set, but budgets shared by several processes are "
        "not there yet; unset it");
  }
  const char* const share_dir = environment("GOVERNOR_SHARE_DIR");
  if (share_dir != nullptr) {
    if (share_dir[0] != '/') {
      return absl::InvalidArgumentError(absl::StrCat(
          "in GOVERNOR_SHARE_DIR: not an absolute path, for example "
          "/run/governor; given '",
          absl::CHexEscape(absl::string_view(share_dir).substr(0, 64)), "'"));
    }
    if (options.share_dir.empty()) options.share_dir = share_dir;
  }
  return options;
}

}  // namespace governor
