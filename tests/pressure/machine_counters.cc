#include "tests/pressure/machine_counters.h"

#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace governor {
namespace {

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "this machine does not say: %s\n", what.c_str());
  std::abort();
}

// The number that follows the word `key`.
uint64_t NumberAfter(const char* path, const std::string& key) {
  std::ifstream file(path);
  std::string word;
  while (file >> word) {
    uint64_t number = 0;
    if (word == key && file >> number) return number;
  }
  Die(std::string(path) + " " + key);
}

}  // namespace

Bytes Meminfo(const std::string& key) {
  return KiB(NumberAfter("/proc/meminfo", key + ":"));
}

uint64_t Vmstat(const std::string& key) {
  return NumberAfter("/proc/vmstat", key);
}

absl::Duration StallTotal(const std::string& line) {
  std::ifstream file("/proc/pressure/memory");
  std::string kind;
  std::string words;
  while (file >> kind && std::getline(file, words)) {
    const size_t at = words.find("total=");
    if (kind == line && at != std::string::npos) {
      return absl::Microseconds(
          std::strtoll(words.c_str() + at + 6, nullptr, 10));
    }
  }
  Die("/proc/pressure/memory " + line);
}

absl::Duration MonotonicNow() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

std::string LargeFileDirectory() {
  const char* const directory = std::getenv("TEST_TMPDIR");
  return directory == nullptr ? "/tmp" : directory;
}

bool FullSizes() {
  const char* const full = std::getenv("GOVERNOR_TEST_LONG");
  return full != nullptr && full[0] == '1';
}

}  // namespace governor
