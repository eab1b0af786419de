#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "governor/policy/pressure.h"
#include "governor/policy/pressure_trace.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr char kFolder[] = "governor/policy/testdata/pressure_traces";

std::vector<std::string> TraceNames() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".trace") {
      names.push_back(entry.path().stem());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

PressureTrace Trace(const std::string& name) {
  std::ifstream file(absl::StrCat(kFolder, "/", name, ".trace"));
  std::stringstream text;
  text << file.rdbuf();
  absl::StatusOr<PressureTrace> trace = ParsePressureTrace(text.str());
  EXPECT_TRUE(trace.ok()) << name << ": " << trace.status();
  return trace.ok() ? *std::move(trace) : PressureTrace();
}

// What `verdict_of` says wrongly of a trace, reading by reading.
template <typename VerdictOf>
std::vector<std::string> Mistakes(const PressureTrace& trace,
                                  VerdictOf verdict_of) {
  std::vector<std::string> mistakes;
  PressureLevel last = PressureLevel::kNone;
  int changes = 0;
  int judged = 0;
  for (const PressureTrace::Reading& reading : trace.readings) {
    const absl::Duration at = reading.snapshot.taken_at;
    const PressureVerdict verdict = verdict_of(reading);
    if (verdict.level != last) ++changes;
    last = verdict.level;
    for (const PressureTrace::Expectation& expected : trace.expectations) {
      if (at < expected.from || at > expected.to) continue;
      ++judged;
      if (verdict.level == expected.level &&
          absl::StrContains(verdict.reason, expected.reason) &&
          verdict.reason.empty() == (verdict.level == PressureLevel::kNone)) {
        continue;
      }
      mistakes.push_back(absl::StrCat(absl::FormatDuration(at), ": ",
                                      ToString(verdict.level), " (",
                                      verdict.reason, ")"));
    }
  }
  if (changes > trace.changes) {
    mistakes.push_back(absl::StrCat("changed ", changes, " times"));
  }
  if (judged < 10) mistakes.push_back("says nothing of most readings");
  return mistakes;
}

class JudgeOf {
 public:
  PressureVerdict operator()(const PressureTrace::Reading& reading) {
    return judge_.Observe(reading.snapshot);
  }

 private:
  PressureJudge judge_;
};

class PressureTracesTest : public testing::TestWithParam<std::string> {};

TEST_P(PressureTracesTest, HaveTheirVerdictAndReason) {
  for (const std::string& mistake : Mistakes(Trace(GetParam()), JudgeOf())) {
    ADD_FAILURE() << mistake;
  }
}

INSTANTIATE_TEST_SUITE_P(All, PressureTracesTest,
                         testing::ValuesIn(TraceNames()),
                         [](const auto& info) { return info.param; });

TEST(PressureTraceFolderTest, HasAtLeastTwelve) {
  EXPECT_GE(TraceNames().size(), 12u);
}

// The rule that users reach for: so much swap is used, so there is pressure.
PressureVerdict BySwapUsed(const PressureTrace::Reading& reading) {
  const HostSnapshot::Meminfo& meminfo = *reading.snapshot.meminfo;
  if (meminfo.swap_total - meminfo.swap_free < MiB(128)) return {};
  return {PressureLevel::kSome, "swap used"};
}

// Cold pages in swap cost nothing, and the rule is wrong about them. It is
// wrong, too, about a machine whose swap drains.
TEST(BySwapUsedTest, IsWrongAboutColdPages) {
  for (const char* name : {"cold_swap", "swap_drains"}) {
    EXPECT_FALSE(Mistakes(Trace(name), BySwapUsed).empty()) << name;
    EXPECT_TRUE(Mistakes(Trace(name), JudgeOf()).empty()) << name;
  }
}

// MemFree low, so there is pressure: wrong about a full page cache.
PressureVerdict ByMemFree(const PressureTrace::Reading& reading) {
  if (reading.snapshot.meminfo->free > GiB(25)) return {};
  return {PressureLevel::kSome, "MemFree"};
}

TEST(ByMemFreeTest, IsWrongAboutThePageCache) {
  EXPECT_FALSE(Mistakes(Trace("memfree_jumps"), ByMemFree).empty());
}

// Without PSI, as in a container that hides it, vmstat alone tells the working
// set in swap from the cold one.
TEST(PressureTracesWithoutPsiTest, HotAndColdAreToldApart) {
  for (const auto& [name, worst] :
       {std::pair("hot_swap", PressureLevel::kCritical),
        std::pair("page_back", PressureLevel::kSome),
        std::pair("cold_swap", PressureLevel::kNone)}) {
    PressureJudge judge;
    PressureLevel seen = PressureLevel::kNone;
    for (PressureTrace::Reading& reading : Trace(name).readings) {
      reading.snapshot.stall.reset();
      seen = std::max(seen, judge.Observe(reading.snapshot).level);
    }
    EXPECT_EQ(seen, worst) << name;
  }
}

}  // namespace
}  // namespace governor
