#include "governor/policy/pressure_trace.h"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace governor {
namespace {

using Values = std::map<std::string, std::optional<double>>;

const char* const kKeys[] = {
    "at_ms",           "page_kib",
    "free_kib",        "available_kib",
    "active_file_kib", "inactive_file_kib",
    "anonymous_kib",   "swap_cached_kib",
    "swap_total_kib",  "swap_free_kib",
    "some_avg10",      "full_avg10",
    "some_us",         "full_us",
    "stalls",          "swapped_in",
    "swapped_out",     "refault_anonymous",
    "refault_file",    "scanned_direct",
    "stolen_direct",   "compaction_failures",
};

Values Start() {
  Values values;
  for (const char* key : kKeys) values[key] = 0;
  values["page_kib"] = 4;
  return values;
}

PressureTrace::Reading ReadingOf(const Values& values) {
  const auto count = [&](const char* key) {
    return static_cast<uint64_t>(values.at(key).value_or(0));
  };
  PressureTrace::Reading reading;
  reading.some_avg10 = values.at("some_avg10").value_or(0);
  HostSnapshot& snapshot = reading.snapshot;
  snapshot.taken_at = absl::Milliseconds(count("at_ms"));
  snapshot.meminfo.emplace();
  HostSnapshot::Meminfo& meminfo = *snapshot.meminfo;
  meminfo.free = KiB(count("free_kib"));
  meminfo.available = KiB(count("available_kib"));
  meminfo.active_file = KiB(count("active_file_kib"));
  meminfo.inactive_file = KiB(count("inactive_file_kib"));
  meminfo.anonymous = KiB(count("anonymous_kib"));
  meminfo.swap_cached = KiB(count("swap_cached_kib"));
  meminfo.swap_total = KiB(count("swap_total_kib"));
  meminfo.swap_free = KiB(count("swap_free_kib"));
  if (values.at("some_us")) {
    snapshot.stall = {absl::Microseconds(count("some_us")),
                      absl::Microseconds(count("full_us"))};
  }
  if (values.at("swapped_in")) {
    HostSnapshot::Vmstat& vmstat = *(snapshot.vmstat = HostSnapshot::Vmstat());
    vmstat.page_size = KiB(count("page_kib"));
    vmstat.swapped_in = count("swapped_in");
    vmstat.swapped_out = count("swapped_out");
    vmstat.refaulted_anonymous = count("refault_anonymous");
    vmstat.refaulted_file = count("refault_file");
    vmstat.reclaim_stalls = count("stalls");
    vmstat.scanned_direct = count("scanned_direct");
    vmstat.stolen_direct = count("stolen_direct");
    vmstat.compaction_failures = count("compaction_failures");
  }
  return reading;
}

bool Take(absl::string_view assignment, Values& values) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  const auto found = values.find(parts.first);
  double number = 0;
  if (found == values.end()) return false;
  if (parts.second == "-") {
    found->second.reset();
    return true;
  }
  if (!absl::SimpleAtod(parts.second, &number) || number < 0) return false;
  found->second = number;
  return true;
}

std::optional<PressureTrace::Expectation> ExpectationOf(
    const std::vector<std::string>& words) {
  int64_t from = 0;
  int64_t to = 0;
  if (words.size() < 4 || !absl::SimpleAtoi(words[1], &from) ||
      !absl::SimpleAtoi(words[2], &to)) {
    return std::nullopt;
  }
  for (PressureLevel level :
       {PressureLevel::kNone, PressureLevel::kSome, PressureLevel::kCritical}) {
    if (words[3] != ToString(level)) continue;
    return PressureTrace::Expectation{
        absl::Milliseconds(from), absl::Milliseconds(to), level,
        absl::StrJoin(words.begin() + 4, words.end(), " ")};
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<PressureTrace> ParsePressureTrace(absl::string_view text) {
  PressureTrace trace;
  Values values = Start();
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const auto bad = [&] {
      return absl::InvalidArgumentError(
          absl::StrCat("not a line of a pressure trace: ", line));
    };
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty() || words[0][0] == '#') continue;
    if (words[0] == "expect") {
      auto expectation = ExpectationOf(words);
      if (!expectation) return bad();
      trace.expectations.push_back(*std::move(expectation));
    } else if (words[0] == "changes") {
      if (words.size() != 2 || !absl::SimpleAtoi(words[1], &trace.changes)) {
        return bad();
      }
    } else {
      for (const std::string& word : words) {
        if (!Take(word, values)) return bad();
      }
      if (absl::StartsWith(words[0], "at_ms=")) {
        trace.readings.push_back(ReadingOf(values));
      }
    }
  }
  if (trace.readings.empty() || trace.expectations.empty()) {
    return absl::InvalidArgumentError(
        "a pressure trace has readings and says what is expected of them");
  }
  return trace;
}

}  // namespace governor
