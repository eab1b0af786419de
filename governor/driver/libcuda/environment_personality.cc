#include "governor/driver/libcuda/environment_personality.h"

#include <stdlib.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "governor/base/bytes.h"

namespace governor {
namespace {

constexpr char kVariable[] = "GOVERNOR_HOST_DRIVER";

Bytes MachineMemory() {
  return Bytes(static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES))) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

absl::StatusOr<Personality> EnvironmentPersonality() {
  const char* const text = secure_getenv(kVariable);
  absl::StatusOr<Personality> personality = ParsePersonality(
      text == nullptr || *text == '\0' ? "gb10" : text, MachineMemory());
  if (personality.ok()) return personality;
  return absl::Status(
      personality.status().code(),
      absl::StrCat(kVariable, ": ", personality.status().message()));
}

}  // namespace governor
