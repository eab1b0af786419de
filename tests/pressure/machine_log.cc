#include "tests/pressure/machine_log.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "absl/time/clock.h"
#include "tests/pressure/machine_counters.h"

namespace governor {

MachineLog::MachineLog(absl::Duration interval, std::function<Bytes()> held)
    : full_stall_(StallTotal("full")), swapped_in_(Vmstat("pswpin")) {
  entries_.reserve(100'000);
  thread_ = std::thread([this, interval, held = std::move(held)] {
    absl::Duration next = MonotonicNow();
    while (!ends_) {
      const Bytes still = held();
      const absl::Duration at = MonotonicNow();
      const Bytes available = Meminfo("MemAvailable");
      entries_.push_back(
          {.at = at,
           .available = available,
           .counted = SaturatingSubtract(
               available, Meminfo("Dirty") + Meminfo("Writeback")),
           .held = still});
      next = std::max(next + interval, MonotonicNow());
      absl::SleepFor(next - MonotonicNow());
    }
  });
}

void MachineLog::Stop() {
  if (!thread_.joinable()) return;
  ends_ = true;
  thread_.join();
  full_stall_ = StallTotal("full") - full_stall_;
  swapped_in_ = Vmstat("pswpin") - swapped_in_;
}

Bytes MachineLog::LeastAvailableWhileHeld() const {
  Bytes least(UINT64_MAX);
  for (const Entry& entry : entries_) {
    if (entry.held.is_zero()) break;
    least = std::min(least, entry.available);
  }
  return least;
}

std::optional<absl::Duration> MachineLog::FirstBelow(Bytes mark) const {
  for (const Entry& entry : entries_) {
    if (entry.counted < mark) return entry.at;
  }
  return std::nullopt;
}

double MachineLog::full_stall_fraction() const {
  if (entries_.size() < 2) return 0;
  return absl::FDivDuration(full_stall_,
                            entries_.back().at - entries_.front().at);
}

void MachineLog::Write(const std::string& name, Bytes floor) const {
  const char* const directory = std::getenv("GOVERNOR_SERIES");
  if (directory == nullptr || entries_.empty()) return;
  std::ofstream file(std::string(directory) + "/" + name + ".json");
  file << "{\"name\": \"" << name << "\", \"floor_bytes\": " << floor.count()
       << ", \"swapped_in_pages\": " << swapped_in_
       << ", \"full_stall_fraction\": " << full_stall_fraction()
       << ", \"columns\": [\"seconds\", \"available_bytes\", \"held_bytes\"]"
       << ", \"series\": [";
  const char* separator = "";
  for (const Entry& entry : entries_) {
    file << separator << "\n["
         << absl::ToDoubleSeconds(entry.at - entries_.front().at) << ", "
         << entry.available.count() << ", " << entry.held.count() << "]";
    separator = ",";
  }
  file << "]}\n";
}

}  // namespace governor
