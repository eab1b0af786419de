#ifndef GOVERNOR_SNAPSHOT_H_
#define GOVERNOR_SNAPSHOT_H_

#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/budget/refusal.h"

namespace governor {

// One reading of a device and of a governor's budget on it. A plain value. Its
// first six parts add up to `total`, always; those that are not measured are
// named in `estimated`. docs/metrics.md has each with its formula.
struct Snapshot {
  std::string device_name;
  int device = 0;
  std::string driver;  // "cuda" or "host"

  Bytes total;
  Bytes governed;
  Bytes unmanaged;
  Bytes other_processes;
  Bytes os;
  Bytes evictable;
  Bytes free;
  std::vector<std::string> estimated;

  Bytes budget;
  Bytes granted;
  Bytes peak_granted;
  Bytes cached;
  Bytes allowance;
  Bytes debt;
  Bytes headroom;
  Bytes floor;
  std::string limited_by;                // what headroom ends at
  std::vector<Refusal::Holder> holders;  // of `granted`, the largest first
};

}  // namespace governor

#endif  // GOVERNOR_SNAPSHOT_H_
