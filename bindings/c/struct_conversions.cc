#include "bindings/c/struct_conversions.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "bindings/c/versioned_struct.h"
#include "governor/base/status_macros.h"
#include "governor/budget/tag.h"

namespace governor {
namespace {

static_assert(GOVERNOR_NAME_SIZE > Tag::kMaxNameLength);
static_assert(GOVERNOR_MAX_HOLDERS == Refusal::kMaxHolders);

// What the structs were in the first version: these numbers never change.
constexpr size_t kFirstOptionsSize = 64;
constexpr size_t kFirstSnapshotSize = 136;
constexpr size_t kFirstRefusalSize = 392;
static_assert(sizeof(governor_options_t) >= kFirstOptionsSize);
static_assert(sizeof(governor_snapshot_t) >= kFirstSnapshotSize);
static_assert(sizeof(governor_refusal_t) >= kFirstRefusalSize);

// Fills `option` with what `parse` makes of `text`, if there is text.
template <typename T, typename Parse>
absl::Status Fill(const char* text, absl::string_view name, Parse parse,
                  std::optional<T>& option) {
  if (text == nullptr) return absl::OkStatus();
  absl::StatusOr<T> parsed = parse(text);
  if (!parsed.ok()) {
    return absl::Status(
        parsed.status().code(),
        absl::StrCat("in options.", name, ": ", parsed.status().message()));
  }
  option = *std::move(parsed);
  return absl::OkStatus();
}

void Write(absl::string_view from, char (&to)[GOVERNOR_NAME_SIZE]) {
  to[from.copy(to, GOVERNOR_NAME_SIZE - 1)] = '\0';
}

unsigned long EstimatedBits(const std::vector<std::string>& keys) {
  constexpr struct {
    absl::string_view key;
    unsigned long bit;
  } kBits[] = {
      {"unmanaged_bytes", GOVERNOR_ESTIMATED_UNMANAGED},
      {"other_processes_bytes", GOVERNOR_ESTIMATED_OTHER_PROCESSES},
      {"os_bytes", GOVERNOR_ESTIMATED_OS},
      {"evictable_bytes", GOVERNOR_ESTIMATED_EVICTABLE},
  };
  unsigned long bits = 0;
  for (const auto& [key, bit] : kBits) {
    if (std::count(keys.begin(), keys.end(), key) != 0) bits |= bit;
  }
  return bits;
}

int PressureOf(absl::string_view level) {
  if (level == "critical") return GOVERNOR_PRESSURE_CRITICAL;
  if (level == "some") return GOVERNOR_PRESSURE_SOME;
  return GOVERNOR_PRESSURE_NONE;
}

}  // namespace

absl::StatusOr<GovernorOptions> OptionsOf(const governor_options_t* options) {
  GovernorOptions converted;
  if (options == nullptr) return converted;
  GOVERNOR_ASSIGN_OR_RETURN(const governor_options_t given,
                            ReadStruct(options, kFirstOptionsSize));
  converted.device = given.device;
  GOVERNOR_RETURN_IF_ERROR(
      Fill(given.budget, "budget", &SizeSpec::Parse, converted.budget));
  GOVERNOR_RETURN_IF_ERROR(Fill(given.os_reserve, "os_reserve",
                                &SizeSpec::Parse, converted.os_reserve));
  GOVERNOR_RETURN_IF_ERROR(Fill(given.allowance, "allowance", &SizeSpec::Parse,
                                converted.allowance));
  GOVERNOR_RETURN_IF_ERROR(
      Fill(given.driver, "driver", &ParseDriverChoice, converted.driver));
  if (given.host_driver != nullptr) converted.host_driver = given.host_driver;
  if (given.priority != nullptr) converted.priority = *given.priority;
  converted.tick = given.tick != 0;
  return converted;
}

absl::Status Check(const governor_snapshot_t* snapshot) {
  return CheckStruct(snapshot, kFirstSnapshotSize);
}

absl::Status Check(const governor_refusal_t* refusal) {
  return CheckStruct(refusal, kFirstRefusalSize);
}

void Write(const Snapshot& from, governor_snapshot_t* to) {
  governor_snapshot_t snapshot = {};
  snapshot.total_bytes = from.total.count();
  snapshot.governed_bytes = from.governed.count();
  snapshot.unmanaged_bytes = from.unmanaged.count();
  snapshot.other_processes_bytes = from.other_processes.count();
  snapshot.os_bytes = from.os.count();
  snapshot.evictable_bytes = from.evictable.count();
  snapshot.free_bytes = from.free.count();
  snapshot.estimated = EstimatedBits(from.estimated);
  snapshot.budget_bytes = from.budget.count();
  snapshot.granted_bytes = from.granted.count();
  snapshot.peak_granted_bytes = from.peak_granted.count();
  snapshot.cached_bytes = from.cached.count();
  snapshot.allowance_bytes = from.allowance.count();
  snapshot.debt_bytes = from.debt.count();
  snapshot.headroom_bytes = from.headroom.count();
  snapshot.floor_bytes = from.floor.count();
  snapshot.residual_bytes = from.residual.count();
  snapshot.driver_pool_bytes = from.driver_pool.count();
  snapshot.in_flight_bytes = from.in_flight.count();
  snapshot.shortfall_bytes = from.shortfall.count();
  snapshot.pressure = PressureOf(from.pressure);
  WriteStruct(snapshot, to);
}

void Write(const Refusal& from, governor_refusal_t* to) {
  governor_refusal_t refusal = {};
  refusal.asked_bytes = from.asked.count();
  refusal.granted_bytes = from.granted.count();
  refusal.limit_bytes = from.limit.count();
  refusal.headroom_bytes = from.headroom.count();
  Write(from.limited_by, refusal.limited_by);
  Write(from.tag, refusal.tag);
  refusal.num_holders = std::min(from.holders.size(), Refusal::kMaxHolders);
  for (size_t i = 0; i < refusal.num_holders; ++i) {
    Write(from.holders[i].tag, refusal.holders[i].tag);
    refusal.holders[i].granted_bytes = from.holders[i].granted.count();
  }
  WriteStruct(refusal, to);
}

}  // namespace governor
