// Every fault of every source at every depth, by the tables of
// docs/host_signals.md.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "governor/base/fake_clock.h"
#include "governor/host/host_sampler.h"
#include "governor/host/host_tree.h"
#include "governor/host/made_faults.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using Kind = HostSnapshot::Fault::Kind;
using Row = std::vector<std::string>;

// The rows below a heading, without the table's own.
std::vector<Row> Table(const std::string& heading) {
  std::ifstream page("docs/host_signals.md");
  std::vector<Row> rows;
  std::string line;
  bool inside = false;
  while (std::getline(page, line)) {
    if (absl::StartsWith(line, "## ")) inside = line == "## " + heading;
    if (!inside || line.empty() || line[0] != '|') continue;
    Row row;
    for (absl::string_view cell : absl::StrSplit(
             absl::StripSuffix(absl::StripPrefix(line, "|"), "|"), '|')) {
      row.push_back(std::string(absl::StripAsciiWhitespace(cell)));
    }
    rows.push_back(row);
  }
  if (rows.size() > 2) rows.erase(rows.begin(), rows.begin() + 2);
  return rows;
}

std::string Plain(const std::string& cell) {
  return absl::StrReplaceAll(cell, {{"`", ""}});
}

std::set<std::string> FirstColumn(const std::string& heading) {
  std::set<std::string> names;
  for (const Row& row : Table(heading)) names.insert(Plain(row[0]));
  return names;
}

template <typename Value>
std::set<std::string> Names(const std::map<std::string, Value>& map) {
  std::set<std::string> names;
  for (const auto& [name, value] : map) names.insert(name);
  return names;
}

// ---- Sources ----

struct Source {
  SampleDepth depth;
  std::function<bool(const HostSnapshot&)> is_present;
  // What the last reading said counts on, beside the fault.
  bool is_kept = false;
};

const std::map<std::string, Source>& Sources() {
  static const auto& sources = *new std::map<std::string, Source>{
      {"proc/meminfo",
       {SampleDepth::kFast,
        [](const HostSnapshot& now) { return now.meminfo.has_value(); }}},
      {"proc/pressure/memory",
       {SampleDepth::kFast,
        [](const HostSnapshot& now) { return now.stall.has_value(); }}},
      {"proc/vmstat",
       {SampleDepth::kVmstat,
        [](const HostSnapshot& now) { return now.vmstat.has_value(); }}},
      {"proc/buddyinfo",
       {SampleDepth::kFull,
        [](const HostSnapshot& now) { return now.contiguity.has_value(); }}},
      {"proc/zoneinfo",
       {SampleDepth::kFull,
        [](const HostSnapshot& now) { return now.zones.has_value(); }}},
      {"proc/swaps",
       {SampleDepth::kFull,
        [](const HostSnapshot& now) { return now.swaps.has_value(); }}},
      {"sys/fs/cgroup/box/memory.max",
       {SampleDepth::kFast,
        [](const HostSnapshot& now) { return now.cgroup.has_value(); },
        /*is_kept=*/true}},
      // Where it was never read there is no room.
      {"sys/fs/cgroup/box/memory.current",
       {SampleDepth::kFast,
        [](const HostSnapshot& now) {
          return now.cgroup && now.cgroup->used < now.cgroup->limit;
        },
        /*is_kept=*/true}},
      // Its group stays, with no inactive file pages.
      {"sys/fs/cgroup/box/memory.stat",
       {SampleDepth::kFast,
        [](const HostSnapshot& now) {
          return now.cgroup && !now.cgroup->inactive_file.is_zero();
        }}},
  };
  return sources;
}

HostFigures Limited() {
  HostFigures host;
  host.swap_size = GiB(2);
  host.swap_used = MiB(1);
  host.cgroup_limit = GiB(4);
  host.cgroup_used = GiB(1);
  host.cgroup_inactive_file = MiB(1);
  return host;
}

std::string Folder(int number) {
  return testing::TempDir() + "/faults" + std::to_string(number);
}

// What two readings say of a source with a fault, and of the others.
// `was_read`: it was good before.
void ExpectFault(const HostSnapshot& now, const std::string& path,
                 const std::optional<Kind>& kind, SampleDepth depth,
                 bool was_read) {
  const Source& source = Sources().at(path);
  const bool is_read = depth >= source.depth;
  EXPECT_EQ(source.is_present(now),
            is_read && (!kind || (source.is_kept && was_read)));
  ASSERT_EQ(now.faults.size(), is_read && kind ? 1u : 0u);
  if (is_read && kind) {
    EXPECT_EQ(now.faults[0].kind, *kind) << now.faults[0].detail;
    EXPECT_EQ(now.faults[0].source, path);
    EXPECT_FALSE(now.faults[0].detail.empty());
  }
  for (const auto& [other, its] : Sources()) {
    const bool is_of_one_field =
        absl::StrContains(other, "cgroup") && absl::StrContains(path, "cgroup");
    if (!is_of_one_field && other != path) {
      EXPECT_EQ(its.is_present(now), depth >= its.depth) << other;
    }
  }
}

TEST(HostSamplerFaultsTest, EachFaultOfEachSourceAtEachDepth) {
  const FakeClock clock;
  int number = 0;
  for (const auto& [path, source] : Sources()) {
    for (const auto& [fault, made] : MadeFaults()) {
      for (const SampleDepth depth :
           {SampleDepth::kFast, SampleDepth::kVmstat, SampleDepth::kFull}) {
        SCOPED_TRACE(path + " " + fault + " at depth " +
                     std::to_string(static_cast<int>(depth)));
        HostTree tree(Folder(number++), Limited());
        const auto early = HostSampler::Open(tree.root(), clock).value();
        const std::string good = tree.Read(path);
        made.make(tree, path);
        const auto late = HostSampler::Open(tree.root(), clock).value();
        ExpectFault(early->Take(depth), path, made.kind, depth, true);
        // Not only once.
        ExpectFault(early->Take(depth), path, made.kind, depth, true);
        // A group that never had a limit has none.
        if (path != "sys/fs/cgroup/box/memory.max" || fault != "missing") {
          ExpectFault(late->Take(depth), path, made.kind, depth, false);
        }
        if (fault == "unreadable") ::rmdir((tree.root() + "/" + path).c_str());
        tree.Write(path, good);
        ExpectFault(early->Take(depth), path, std::nullopt, depth, true);
        ExpectFault(late->Take(depth), path, std::nullopt, depth, true);
        std::filesystem::remove_all(tree.root());
      }
    }
  }
}

// ---- Special cases ----

HostSnapshot Read(const HostTree& tree,
                  const HostSamplerOptions& options = {}) {
  const FakeClock clock;
  return HostSampler::Open(tree.root(), clock, options)
      .value()
      ->Take(SampleDepth::kFull);
}

HostSamplerOptions Sysinfo(Bytes total, Bytes free) {
  return {.system_memory = [=] { return SystemMemory{total, free}; }};
}

void ExpectOnlyFault(const HostSnapshot& now, Kind kind,
                     const std::string& source) {
  ASSERT_EQ(now.faults.size(), 1u);
  EXPECT_EQ(now.faults[0].kind, kind) << now.faults[0].detail;
  EXPECT_EQ(now.faults[0].source, source);
}

const std::map<std::string, std::function<void(HostTree&)>>& Cases() {
  static const auto& cases =
      *new std::map<std::string, std::function<void(HostTree&)>>{
          {"sysinfo(2) tells a smaller total",
           [](HostTree& tree) {
             const HostSnapshot now = Read(tree, Sysinfo(GiB(10), GiB(8)));
             EXPECT_EQ(now.meminfo->total, GiB(10));
             EXPECT_EQ(now.meminfo->available, GiB(10));
             ExpectOnlyFault(now, Kind::kDisagrees, "proc/meminfo");
           }},
          {"sysinfo(2) tells a larger total",
           [](HostTree& tree) {
             const HostSnapshot now = Read(tree, Sysinfo(GiB(128), GiB(8)));
             EXPECT_EQ(now.meminfo->total, GiB(16));
             EXPECT_EQ(now.meminfo->available, GiB(12));
             ExpectOnlyFault(now, Kind::kDisagrees, "proc/meminfo");
           }},
          {"sysinfo(2) tells less free memory",
           [](HostTree& tree) {
             HostSnapshot now = Read(tree, Sysinfo(GiB(16), GiB(2)));
             EXPECT_EQ(now.meminfo->free, GiB(2));
             EXPECT_EQ(now.meminfo->available, GiB(6));
             ExpectOnlyFault(now, Kind::kDisagrees, "proc/meminfo");
             // Between two moments.
             now = Read(tree, Sysinfo(GiB(16), GiB(8) - MiB(500)));
             EXPECT_EQ(now.meminfo->free, GiB(8) - MiB(500));
             EXPECT_EQ(now.meminfo->available, GiB(12));
             EXPECT_TRUE(now.faults.empty());
           }},
          {"more is free than there is",
           [](HostTree& tree) {
             for (const bool free : {true, false}) {
               tree.Change([&](HostFigures& host) {
                 (free ? host.free : host.available) = GiB(17);
               });
               const HostSnapshot now = Read(tree);
               EXPECT_FALSE(now.meminfo.has_value());
               ASSERT_GE(now.faults.size(), 1u);
               EXPECT_EQ(now.faults[0].kind, Kind::kMalformed);
               EXPECT_EQ(now.faults[0].source, "proc/meminfo");
               tree.Set(Limited());
             }
           }},
          {"one line of two",
           [](HostTree& tree) {
             for (const char* const path :
                  {"proc/meminfo", "proc/vmstat", "proc/pressure/memory"}) {
               const std::string text = tree.Read(path);
               tree.Write(path, text + WithNumbers(text, "7"));
             }
             const HostSnapshot now = Read(tree);
             EXPECT_TRUE(now.faults.empty());
             EXPECT_EQ(now.meminfo->available, GiB(12));
             EXPECT_EQ(now.vmstat->swapped_in, 0u);
             EXPECT_EQ(now.stall->some, absl::ZeroDuration());
           }},
          {"a group without a limit file",
           [](HostTree& tree) {
             tree.Write("proc/self/cgroup", "0::/box/inner\n");
             tree.Write("sys/fs/cgroup/box/inner/cgroup.procs", "1\n");
             const HostSnapshot now = Read(tree);
             EXPECT_EQ(now.cgroup->path, "/box");
             EXPECT_TRUE(now.faults.empty());
           }},
          {"no memory controller",
           [](HostTree& tree) {
             tree.Write("proc/self/cgroup", "3:cpu:/box\n1:name=systemd:/\n");
             const HostSnapshot now = Read(tree);
             EXPECT_FALSE(now.cgroup.has_value());
             EXPECT_TRUE(now.faults.empty());
           }},
          {"cgroups not mounted",
           [](HostTree& tree) {
             std::filesystem::remove_all(tree.root() + "/sys/fs/cgroup");
             const HostSnapshot now = Read(tree);
             EXPECT_FALSE(now.cgroup.has_value());
             ExpectOnlyFault(now, Kind::kMissing, "sys/fs/cgroup");
           }},
          {"a path with dots or blanks",
           [](HostTree& tree) {
             for (const char* const path :
                  {"0::/box/../box\n", "0::/../box\n", "0::/.\n", "0::/b ox\n",
                   "0::box\n", "0::/box/\n", "0::/b\tx\n", "0::\n"}) {
               tree.Write("proc/self/cgroup", path);
               const HostSnapshot now = Read(tree);
               EXPECT_FALSE(now.cgroup.has_value()) << path;
               ExpectOnlyFault(now, Kind::kMalformed, "proc/self/cgroup");
             }
           }},
          {"more than 16 groups deep",
           [](HostTree& tree) {
             std::string path = "/box";
             // With the root of the mount, 16.
             for (int level = 2; level < 16; ++level) path += "/in";
             tree.Write("sys/fs/cgroup" + path + "/cgroup.procs", "1\n");
             tree.Write("proc/self/cgroup", "0::" + path + "\n");
             EXPECT_EQ(Read(tree).cgroup->path, "/box");
             path += "/in";
             tree.Write("sys/fs/cgroup" + path + "/cgroup.procs", "1\n");
             tree.Write("proc/self/cgroup", "0::" + path + "\n");
             const HostSnapshot now = Read(tree);
             EXPECT_FALSE(now.cgroup.has_value());
             ExpectOnlyFault(now, Kind::kMalformed, "proc/self/cgroup");
           }},
          {"the mount shows the own group as its root",
           [](HostTree& tree) {
             tree.Write("proc/self/cgroup", "0::/docker/0123abc\n");
             tree.Write("sys/fs/cgroup/memory.max", "1048576\n");
             tree.Write("sys/fs/cgroup/memory.current", "4096\n");
             tree.Write("sys/fs/cgroup/memory.stat", "inactive_file 0\n");
             EXPECT_EQ(Read(tree).cgroup->limit, MiB(1));
           }},
      };
  return cases;
}

TEST(HostSamplerFaultsTest, EachSpecialCase) {
  int number = 1000;
  for (const auto& [name, check] : Cases()) {
    SCOPED_TRACE(name);
    HostTree tree(Folder(number++), Limited());
    check(tree);
    std::filesystem::remove_all(tree.root());
  }
}

// ---- The page ----

TEST(HostSamplerFaultsTest, ThePageHasARowForEachTestAndATestForEachRow) {
  EXPECT_EQ(FirstColumn("Sources"), Names(Sources()));
  EXPECT_EQ(FirstColumn("Faults"), Names(MadeFaults()));
  EXPECT_EQ(FirstColumn("Special cases"), Names(Cases()));
}

TEST(HostSamplerFaultsTest, ThePageSaysWhatTheTestsExpect) {
  const char* const depths[] = {"fast", "vmstat", "full"};
  for (const Row& row : Table("Sources")) {
    ASSERT_EQ(row.size(), 7u) << row[0];
    EXPECT_EQ(row[2],
              depths[static_cast<int>(Sources().at(Plain(row[0])).depth)])
        << row[0];
    EXPECT_FALSE(row[6].empty()) << row[0];
  }
  for (const Row& row : Table("Faults")) {
    const std::optional<Kind> kind = MadeFaults().at(row[0]).kind;
    const std::string expected =
        !kind                        ? "present"
        : *kind == Kind::kMissing    ? "absent, `kMissing`"
        : *kind == Kind::kUnreadable ? "absent, `kUnreadable`"
                                     : "absent, `kMalformed`";
    EXPECT_TRUE(absl::StartsWith(row[1], expected)) << row[0];
  }
  for (const Row& row : Table("Special cases")) {
    ASSERT_EQ(row.size(), 3u) << row[0];
    EXPECT_FALSE(row[1].empty() || row[2].empty()) << row[0];
  }
}

}  // namespace
}  // namespace governor
