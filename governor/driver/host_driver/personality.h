#ifndef GOVERNOR_DRIVER_HOST_DRIVER_PERSONALITY_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_PERSONALITY_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"

namespace governor {

inline constexpr int kMaxHostDevices = 8;

// What cuMemHostRegister does with a mapping.
enum class RegisterOutcome {
  kSucceeds,
  kCopies,  // succeeds, after each page was made the process's own
  kRefuses,
  kHangs,  // the call does not return
};

// The machine that a HostDriver claims to be, as data. A plain value.
//
//   gb10  an integrated device that shares the machine's memory, as owners of
//         the machine reported it; nobody measured it for us.
//   h200  a discrete card, as measured on one with driver 580.159.04
//   hmm   a discrete card whose GPU can read plain host memory (HMM), as CUDA
//         documents it
//   old   a device without virtual memory management, as CUDA documents it
//
// What no source says is said to be chosen, beside the figure.
struct Personality {
  std::string name;
  std::string device_name;
  int driver_version = 13000;  // as cuDriverGetVersion counts
  // Of each device. cuMemGetInfo's and cuDeviceTotalMem's total.
  Bytes memory;
  // What the host has for pinned memory and for chunks located on it. On an
  // integrated device these come out of `memory` too.
  Bytes host_memory;
  // What the primary context takes from `memory` while someone retains it.
  // Counted, without pages.
  Bytes context;
  // Of virtual memory management, minimum and recommended alike.
  Bytes granularity = MiB(2);
  int devices = 1;
  // Of a private mapping of a file, when CU_MEMHOSTREGISTER_READ_ONLY is given.
  RegisterOutcome register_private_read_only = RegisterOutcome::kRefuses;
  // Whether released pages stay with the driver until something needs them or
  // its shrinker runs (HostDriver::RunShrinker), as reported of drivers from
  // 590 on. Set by `pools=on`.
  bool keeps_released = false;
  // Whether memory is made of pages of the host when it is created, as on
  // integrated hardware, rather than when it is first touched. Out of memory,
  // then, is also what the system says. Set by `pages=now`.
  bool populates_at_once = false;
  // Whether cuMemGetInfo tells no more free memory than the machine's MemFree:
  // what is free of `memory` is not enough to know, when that is the machine's.
  bool free_is_mem_free = false;
  // By number of CUdevice_attribute. A number that is valid but not listed
  // reads as zero.
  std::map<int, int> attributes;

  // Whether an attribute is there and not zero.
  bool Has(int attribute) const {
    const auto found = attributes.find(attribute);
    return found != attributes.end() && found->second != 0;
  }
};

// The personality of this name, untouched. `machine_memory` is what a device
// that shares the machine's memory has. INVALID_ARGUMENT: no such name.
absl::StatusOr<Personality> PersonalityNamed(absl::string_view name,
                                             Bytes machine_memory);

// Reads `NAME[,key=value…]`, for example `gb10,memory=8GiB,context=512MiB`.
// Keys: memory, context, granularity (sizes), devices (a number), pools (on or
// off: keeps_released), pages (now or touched: populates_at_once).
// INVALID_ARGUMENT, naming the text, what is allowed and an example: anything
// else, or a personality that ValidatePersonality refuses.
absl::StatusOr<Personality> ParsePersonality(absl::string_view text,
                                             Bytes machine_memory);

// INVALID_ARGUMENT, naming the figure: `granularity` is not a power of two, or
// below this machine's page size or above 1 GiB; `memory` is below
// `granularity` or above 16 TiB; `context` is not below `memory`; `devices` is
// not in [1, kMaxHostDevices].
absl::Status ValidatePersonality(const Personality& personality);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_PERSONALITY_H_
