#include "governor/options.h"

#include <map>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using absl::StatusCode;

absl::StatusOr<GovernorOptions> With(
    const std::map<std::string, std::string>& variables,
    GovernorOptions options = {}) {
  return WithEnvironment(
      std::move(options), [&](const char* name) -> const char* {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
      });
}

TEST(OptionsTest, FillsWhatIsNotSet) {
  const GovernorOptions options = *With({{"GOVERNOR_BUDGET", "50%"},
                                         {"GOVERNOR_OS_RESERVE", "4GiB"},
                                         {"GOVERNOR_ALLOWANCE", "512MiB"},
                                         {"GOVERNOR_PRIORITY", "-3"},
                                         {"GOVERNOR_DRIVER", "host"},
                                         {"GOVERNOR_HOST_DRIVER", "h200"}});
  EXPECT_EQ(options.budget->Resolve(GiB(10)), GiB(5));
  EXPECT_EQ(options.os_reserve->Resolve(GiB(10)), GiB(4));
  EXPECT_EQ(options.allowance->Resolve(GiB(10)), MiB(512));
  EXPECT_EQ(options.priority, -3);
  EXPECT_EQ(options.driver, DriverChoice::kHost);
  EXPECT_EQ(options.host_driver, "h200");
}

TEST(OptionsTest, ArgumentsWin) {
  const GovernorOptions options =
      *With({{"GOVERNOR_BUDGET", "5GiB"}, {"GOVERNOR_DRIVER", "host"}},
            {.budget = GiB(1), .driver = DriverChoice::kCuda});
  EXPECT_EQ(options.budget->Resolve(GiB(10)), GiB(1));
  EXPECT_EQ(options.driver, DriverChoice::kCuda);
}

TEST(OptionsTest, AnEmptyEnvironmentSetsNothing) {
  const GovernorOptions options = *With({});
  EXPECT_FALSE(options.budget || options.os_reserve || options.allowance ||
               options.driver || options.host_driver || options.priority ||
               options.tick || options.pinned_host || options.phases);
  EXPECT_EQ(options.host_root, "/");
}

TEST(OptionsTest, WhatDoesNotParseIsAnErrorEvenIfUnused) {
  for (const char* name :
       {"GOVERNOR_BUDGET", "GOVERNOR_OS_RESERVE", "GOVERNOR_ALLOWANCE",
        "GOVERNOR_PRIORITY", "GOVERNOR_DRIVER", "GOVERNOR_HOST_DRIVER"}) {
    for (const char* value : {"", "rubbish", "-1GiB", "101%", "1 GiB"}) {
      const absl::Status status =
          With({{name, value}}, {.budget = GiB(1),
                                 .os_reserve = GiB(1),
                                 .allowance = GiB(1),
                                 .driver = DriverChoice::kHost,
                                 .host_driver = "h200",
                                 .priority = 1})
              .status();
      EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << name << value;
      EXPECT_THAT(std::string(status.message()), testing::HasSubstr(name));
    }
  }
}

TEST(OptionsTest, NamesTheVariableOfAHostDriverThatThereIsNot) {
  const absl::Status status =
      With({{"GOVERNOR_HOST_DRIVER", "gb10,pools=maybe"}}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              testing::HasSubstr("GOVERNOR_HOST_DRIVER"));
}

TEST(OptionsTest, TheFolderOfTheRecordIsAnAbsolutePath) {
  EXPECT_EQ(With({})->share_dir, "");
  EXPECT_EQ(With({{"GOVERNOR_SHARE_DIR", "/run/mine"}})->share_dir,
            "/run/mine");
  EXPECT_EQ(
      With({{"GOVERNOR_SHARE_DIR", "/run/mine"}}, {.share_dir = "/run/given"})
          ->share_dir,
      "/run/given");
  for (const char* value : {"", "run/mine", "./mine", "~/mine"}) {
    const absl::Status status = With({{"GOVERNOR_SHARE_DIR", value}}).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << value;
    EXPECT_THAT(std::string(status.message()),
                testing::HasSubstr("GOVERNOR_SHARE_DIR"));
    // Used or not.
    EXPECT_FALSE(
        With({{"GOVERNOR_SHARE_DIR", value}}, {.share_dir = "/run"}).ok());
  }
}

TEST(OptionsTest, AShareIsRefusedRatherThanIgnored) {
  EXPECT_EQ(With({{"GOVERNOR_SHARE", "main"}}).status().code(),
            StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace governor
