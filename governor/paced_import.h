#ifndef GOVERNOR_PACED_IMPORT_H_
#define GOVERNOR_PACED_IMPORT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/host/drop_behind.h"
#include "governor/policy/import_pace.h"

namespace governor {

// A file that is read or written once, beside a program that needs its memory:
// no faster than its rate (see ImportPace), and with no more than two windows
// of it in the page cache (see DropBehind). The caller reads and writes, asks
// before each piece, and waits. Several files may share one pace. Not
// thread-safe.
class PacedImport {
 public:
  // Owns nothing; all outlives it. Begins at the file's first byte.
  PacedImport(int file, ImportPace& pace, const Clock& clock)
      : pace_(pace), clock_(clock), drop_(file) {}

  // Before the next `piece`, when all before it was read or written. Zero: go;
  // else how long to wait before asking again. Pieces of 1 to 8 MiB.
  // Errors as DropBehind::Advance; the piece counts nothing then.
  absl::StatusOr<absl::Duration> Ask(Bytes piece, PressureLevel pressure);

  // After the last piece: waits until it is on the disk and drops it. A new
  // pass over the same file is a new PacedImport.
  absl::Status Finish() { return drop_.Finish(position_); }

 private:
  ImportPace& pace_;
  const Clock& clock_;
  DropBehind drop_;
  uint64_t position_ = 0;  // of the piece after the last that was allowed
};

}  // namespace governor

#endif  // GOVERNOR_PACED_IMPORT_H_
