#include "governor/snapshot_report.h"

#include <fstream>
#include <set>
#include <sstream>
#include <string>

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
  return snapshot;
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
  EXPECT_THAT(text, testing::ContainsRegex("other processes +5GiB  not told"));
  EXPECT_THAT(text, testing::ContainsRegex("headroom +9GiB  limited by the b"));
  EXPECT_THAT(text, testing::ContainsRegex("held by 'kv' +20GiB"));
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
  std::set<std::string> written;
  const nlohmann::ordered_json json = ToJson(Example());
  for (const auto& [key, value] : json.items()) {
    written.insert(key);
  }
  EXPECT_EQ(documented, written);
}

}  // namespace
}  // namespace governor
