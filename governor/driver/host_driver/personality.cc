#include "governor/driver/host_driver/personality.h"

#include <unistd.h>

#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "governor/base/status_macros.h"
#include "governor/driver/host_driver/device_attributes.h"

namespace governor {
namespace {

constexpr char kExample[] = "gb10,memory=8GiB,context=512MiB,devices=2";

absl::Status Refuse(absl::string_view problem, absl::string_view given) {
  return absl::InvalidArgumentError(
      absl::StrCat("host driver's personality: ", problem, ", for example ",
                   kExample, ": given \"", given, "\""));
}

Personality Gb10(Bytes machine_memory) {
  return {.name = "gb10",
          .device_name = "NVIDIA GB10",
          // As reported: the device's total is MemTotal, byte for byte.
          .memory = machine_memory,
          .host_memory = machine_memory,
          // Chosen: no owner reported it alone. Near what h200 takes.
          .context = MiB(512),
          // As reported: page cache counts as taken.
          .free_is_mem_free = true,
          .attributes = Gb10Attributes()};
}

Personality H200(Bytes machine_memory) {
  return {.name = "h200",
          .device_name = "NVIDIA H200",
          // Measured: the total of cuMemGetInfo and cuDeviceTotalMem. That of
          // nvidia-smi, 143771 MiB, is 615 MiB more.
          .memory = Bytes(150109880320),
          .host_memory = machine_memory,
          // Measured: gone with a context and nothing else, 526.8 MiB.
          .context = KiB(539456),
          // Measured: in three of three calls.
          .register_private_read_only = RegisterOutcome::kHangs,
          .attributes = H200Attributes()};
}

Personality Hmm(Bytes machine_memory) {
  return {.name = "hmm",
          .device_name = "Discrete GPU with HMM",
          // Chosen: a common size of workstation cards.
          .memory = GiB(24),
          .host_memory = machine_memory,
          // Chosen, as for gb10.
          .context = MiB(512),
          // Chosen: as for h200, whose driver it has.
          .register_private_read_only = RegisterOutcome::kHangs,
          .attributes = HmmAttributes()};
}

Personality Old(Bytes machine_memory) {
  return {.name = "old",
          .device_name = "GPU without VMM",
          // Chosen: the oldest that LoadDriver takes, and common sizes.
          .driver_version = 11040,
          .memory = GiB(8),
          .host_memory = machine_memory,
          .context = MiB(256),
          .attributes = OldAttributes()};
}

absl::Status Set(Personality& personality, absl::string_view key,
                 absl::string_view value, absl::string_view text) {
  if (key == "pools") {
    if (value != "on" && value != "off") {
      return Refuse("pools wants on or off", text);
    }
    personality.keeps_released = value == "on";
    return absl::OkStatus();
  }
  if (key == "pages") {
    if (value != "now" && value != "touched") {
      return Refuse("pages wants now or touched", text);
    }
    personality.populates_at_once = value == "now";
    return absl::OkStatus();
  }
  if (key == "devices") {
    if (!absl::SimpleAtoi(value, &personality.devices)) {
      return Refuse("devices wants a number", text);
    }
    return absl::OkStatus();
  }
  Bytes* const size = key == "memory"        ? &personality.memory
                      : key == "context"     ? &personality.context
                      : key == "granularity" ? &personality.granularity
                                             : nullptr;
  if (size == nullptr) {
    return Refuse(
        "unknown key; the keys are memory, context, granularity, devices, "
        "pools, pages",
        text);
  }
  GOVERNOR_ASSIGN_OR_RETURN(*size, ParseBytes(value));
  // Memory of another size is not the machine's.
  if (key == "memory") personality.free_is_mem_free = false;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Personality> PersonalityNamed(absl::string_view name,
                                             Bytes machine_memory) {
  if (name == "gb10") return Gb10(machine_memory);
  if (name == "h200") return H200(machine_memory);
  if (name == "hmm") return Hmm(machine_memory);
  if (name == "old") return Old(machine_memory);
  return Refuse("unknown name; the names are gb10, h200, hmm, old", name);
}

absl::StatusOr<Personality> ParsePersonality(absl::string_view text,
                                             Bytes machine_memory) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ',');
  GOVERNOR_ASSIGN_OR_RETURN(Personality personality,
                            PersonalityNamed(parts[0], machine_memory));
  std::set<absl::string_view> seen;
  for (size_t i = 1; i < parts.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> setting =
        absl::StrSplit(parts[i], absl::MaxSplits('=', 1));
    if (!seen.insert(setting.first).second) {
      return Refuse("a key may be given once", text);
    }
    GOVERNOR_RETURN_IF_ERROR(
        Set(personality, setting.first, setting.second, text));
  }
  GOVERNOR_RETURN_IF_ERROR(ValidatePersonality(personality));
  return personality;
}

absl::Status ValidatePersonality(const Personality& personality) {
  const Bytes page(static_cast<uint64_t>(sysconf(_SC_PAGESIZE)));
  const Bytes granularity = personality.granularity;
  if (granularity < page || granularity > GiB(1) ||
      (granularity.count() & (granularity.count() - 1)) != 0) {
    return Refuse(absl::StrCat("granularity wants a power of two from ",
                               ToString(page), " to 1GiB"),
                  ToString(granularity));
  }
  if (personality.memory < granularity || personality.memory > GiB(16 << 10)) {
    return Refuse("memory wants a size from granularity to 16384GiB",
                  ToString(personality.memory));
  }
  if (personality.context >= personality.memory) {
    return Refuse(absl::StrCat("context, which has a size by default, wants "
                               "less than memory's ",
                               ToString(personality.memory),
                               "; add or lower context=SIZE"),
                  ToString(personality.context));
  }
  if (personality.devices < 1 || personality.devices > kMaxHostDevices) {
    return Refuse(absl::StrCat("devices wants 1 to ", kMaxHostDevices),
                  absl::StrCat(personality.devices));
  }
  return absl::OkStatus();
}

}  // namespace governor
