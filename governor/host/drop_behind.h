#ifndef GOVERNOR_HOST_DROP_BEHIND_H_
#define GOVERNOR_HOST_DROP_BEHIND_H_

#include <cstdint>

#include "absl/status/status.h"
#include "governor/base/bytes.h"

namespace governor {

// Keeps a file that is read or written once, from its begin to its end, from
// filling the page cache: what lies behind is written out and dropped, window
// by window, so that no more than two windows of it are ever there. For a
// program that imports files beside one that needs its memory; it bounds what
// the import takes, not how fast it goes. It reads and writes nothing itself.
//
// Only for a file that nobody else wants cached: other readers lose its pages
// too. Not thread-safe.
class DropBehind {
 public:
  // Does not own `file`, which is open for reading or writing and outlives it.
  // `window` is not zero.
  explicit DropBehind(int file, Bytes window = MiB(8))
      : file_(file), window_(window) {}

  // Everything before `position` is done with. Does nothing while that is less
  // than a window on; then starts to write the last window out, and waits for
  // the one before.
  // UNAVAILABLE: this file system cannot; INTERNAL: the disk failed. The pages
  // stay where they are then, and the next call goes on behind them.
  absl::Status Advance(uint64_t position);

  // The rest, up to `end`. Errors as Advance.
  absl::Status Finish(uint64_t end);

 private:
  absl::Status Drop(uint64_t begin, uint64_t end);

  const int file_;
  const Bytes window_;
  uint64_t dropped_ = 0;  // before it nothing is cached
  uint64_t started_ = 0;  // before it all is on its way to the disk
};

}  // namespace governor

#endif  // GOVERNOR_HOST_DROP_BEHIND_H_
