#include "governor/snapshot_report.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

Snapshot Example() {
  Snapshot snapshot;
  snapshot.device_name = "a device";
  snapshot.driver = "cuda";
  snapshot.total = GiB(100);
  snapshot.governed = GiB(30);
  snapshot.other_processes = GiB(5);
  snapshot.free = GiB(65);
  snapshot.estimated = {"other_processes_bytes"};
  snapshot.budget = GiB(40);
  snapshot.granted = GiB(30);
  snapshot.headroom = GiB(9);
  snapshot.allowance = GiB(1);
  snapshot.limited_by = "budget";
  snapshot.holders = {{"kv", GiB(20)}, {"weights", GiB(10)}};
  snapshot.pressure = "some";
  snapshot.pressure_reason = "swap-in 20.0 MiB/s";
  snapshot.tenants = {{.name = "server",
                       .pid = 7,
                       .granted = GiB(30),
                       .unmanaged = MiB(512),
                       .rss = GiB(2),
                       .in_flight = GiB(1)}};
  snapshot.host.emplace();
  snapshot.host->total = GiB(16);
  snapshot.host->free = GiB(3);
  snapshot.host->anonymous = GiB(13);
  snapshot.host_faults = {"proc/swaps: no such file"};
  return snapshot;
}

Explanation ExampleExplanation() {
  return {.takes_host_memory = true,
          .why_host_memory = "it has none",
          .refusals = {{.tenant = "server",
                        .pid = 7,
                        .when = absl::UnixEpoch(),
                        .refusal = {.asked = GiB(2),
                                    .granted = GiB(39),
                                    .limit = GiB(40),
                                    .headroom = GiB(1),
                                    .limited_by = "budget",
                                    .tag = "kv"}}}};
}

// Every key in `json`: `host`, `host.free_bytes`, `tenants[].pid`.
void AddKeys(const std::string& prefix, const nlohmann::ordered_json& json,
             std::set<std::string>& keys) {
  for (const auto& [name, value] : json.items()) {
    const std::string key = prefix + name;
    keys.insert(key);
    if (value.is_object()) AddKeys(key + ".", value, keys);
    if (value.is_array() && !value.empty() && value[0].is_object()) {
      AddKeys(key + "[].", value[0], keys);
    }
  }
}

TEST(SnapshotReportTest, JsonHasBytesAsIntegersThatAddUp) {
  const nlohmann::ordered_json json = ToJson(Example());
  uint64_t sum = 0;
  for (const char* key :
       {"governed_bytes", "unmanaged_bytes", "other_processes_bytes",
        "os_bytes", "evictable_bytes", "free_bytes"}) {
    ASSERT_TRUE(json.at(key).is_number_unsigned()) << key;
    sum += json.at(key).get<uint64_t>();
  }
  EXPECT_EQ(sum, json.at("total_bytes").get<uint64_t>());
  EXPECT_EQ(json.at("budget_bytes"), GiB(40).count());
  EXPECT_EQ(json.at("holders")[0].at("tag"), "kv");
  EXPECT_EQ(json.at("holders")[0].at("granted_bytes"), GiB(20).count());
}

TEST(SnapshotReportTest, TextMarksWhatIsEstimated) {
  const std::string text = ToText(Example());
  EXPECT_THAT(text, testing::ContainsRegex("other processes +5GiB  estimated"));
  EXPECT_THAT(text, testing::ContainsRegex("headroom +9GiB  limited by the b"));
  EXPECT_THAT(text, testing::ContainsRegex("held by 'kv' +20GiB"));
}

TEST(SnapshotReportTest, TextHasEveryoneAndTheHost) {
  const std::string text = ToText(Example());
  EXPECT_THAT(text, testing::ContainsRegex(
                        "server \\(7\\) +30GiB  unmanaged 512MiB, resident on "
                        "the host 2GiB, in flight 1GiB\n"));
  EXPECT_THAT(text, testing::ContainsRegex("host\n  total +16GiB"));
  EXPECT_THAT(text, testing::ContainsRegex("= anonymous +13GiB"));
  EXPECT_THAT(text, testing::HasSubstr("pressure some: swap-in 20.0 MiB/s"));
  EXPECT_THAT(text, testing::HasSubstr("not read: proc/swaps: no such file"));
}

TEST(SnapshotReportTest, TheHostIsNullWhereTheMachineDoesNotSay) {
  Snapshot snapshot = Example();
  snapshot.host.reset();
  EXPECT_TRUE(ToJson(snapshot).at("host").is_null());
  EXPECT_THAT(ToText(snapshot), Not(testing::HasSubstr("anonymous")));
}

TEST(SnapshotReportTest, RefusalsHaveTheirTagAndTheirNumbers) {
  const nlohmann::ordered_json json =
      ToJson(ExampleExplanation()).at("refusals");
  ASSERT_EQ(json.size(), 1);
  EXPECT_EQ(json[0].at("when"), "1970-01-01T00:00:00+00:00");
  EXPECT_EQ(json[0].at("tag"), "kv");
  EXPECT_EQ(json[0].at("asked_bytes"), GiB(2).count());
  EXPECT_EQ(json[0].at("headroom_bytes"), GiB(1).count());
  EXPECT_THAT(ToText(ExampleExplanation()),
              testing::HasSubstr("server (7) asked 2GiB for 'kv': limited by "
                                 "the budget, headroom 1GiB; granted 39GiB of "
                                 "40GiB"));
  EXPECT_THAT(ToText(Explanation()),
              testing::HasSubstr("no refusal is remembered\n"));
}

TEST(SnapshotReportTest, WhoseMemoryItIsHasItsReason) {
  Explanation explanation = ExampleExplanation();
  EXPECT_THAT(
      ToText(explanation),
      testing::HasSubstr(
          "device memory: taken from the machine, because it has none"));
  EXPECT_EQ(ToJson(explanation).at("takes_host_memory"), true);
  EXPECT_EQ(ToJson(explanation).at("why_host_memory"), "it has none");
  explanation.takes_host_memory = false;
  EXPECT_THAT(ToText(explanation),
              testing::HasSubstr("not the machine's, because it has none"));
}

TEST(SnapshotReportTest, WhereHeadroomEndsIsSaidInProse) {
  Snapshot snapshot = Example();
  for (const auto& [limited_by, prose] :
       {std::pair("budget", "limited by the budget\n"),
        {"os_reserve", "limited by the OS reserve\n"},
        {"cgroup", "limited by the cgroup's limit\n"},
        {"host_unknown",
         "limited by what is not known of the machine (host_unknown)\n"}}) {
    snapshot.limited_by = limited_by;
    EXPECT_THAT(ToText(snapshot), testing::HasSubstr(prose));
    EXPECT_EQ(ToJson(snapshot).at("limited_by"), limited_by);
  }
}

// docs/metrics.md explains every key that is written, and no other.
TEST(SnapshotReportTest, TheDocumentationIsComplete) {
  std::ifstream file("docs/metrics.md");
  ASSERT_TRUE(file.good());
  std::stringstream text;
  text << file.rdbuf();
  std::set<std::string> documented;
  std::string line;
  while (std::getline(text, line)) {
    // | `key` | ...
    if (line.rfind("| `", 0) == 0) {
      documented.insert(line.substr(3, line.find('`', 3) - 3));
    }
  }
  nlohmann::ordered_json json = ToJson(Example());
  json.update(ToJson(ExampleExplanation()));
  std::set<std::string> written;
  AddKeys("", json, written);
  EXPECT_EQ(documented, written);
}

}  // namespace
}  // namespace governor
