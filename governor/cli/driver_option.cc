#include "governor/cli/driver_option.h"

#include <iostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/cli/command.h"
#include "governor/driver_choice.h"

namespace governor {

void DriverOption::AddTo(CLI::App& command) {
  command
      .add_option("--driver", text_,
                  "auto, cuda or host (default: GOVERNOR_DRIVER, else auto)")
      ->type_name("NAME");
}

absl::StatusOr<GovernorOptions> DriverOption::Read(
    GovernorOptions options) const {
  if (text_) {
    absl::StatusOr<DriverChoice> driver = ParseDriverChoice(*text_);
    if (!driver.ok()) return InOption("--driver", driver.status());
    options.driver = *driver;
  }
  return WithEnvironment(std::move(options), &ReadProcessEnvironment);
}

void SayWhyHost(const std::string& why_host) {
  if (why_host.empty()) return;
  std::cerr << "governor: " << why_host << "; going on with the host driver\n";
}

absl::Status InOption(const char* name, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("in ", name, ": ", status.message()));
}

int Report(const absl::Status& status) {
  if (status.ok()) return kDone;
  std::cerr << "governor: " << std::string(status.message()) << "\n";
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kWrongUsage;
    case absl::StatusCode::kResourceExhausted:
      return kDoesNotFit;
    default:
      return kFailed;
  }
}

}  // namespace governor
