#ifndef GOVERNOR_HOST_PLOUGH_H_
#define GOVERNOR_HOST_PLOUGH_H_

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"

namespace governor {

// Makes the kernel free `size` bytes, contiguously where it can: takes ordinary
// pages of this process, huge ones by preference, and gives them back at once.
// What has to be reclaimed or moved for them is so before a driver asks, whose
// own allocation would stand still inside the kernel, in nobody's power to end.
// An ordinary page's does not: it can be killed.
//
// Returns how much it took before it gave all back: less than `size` when the
// kernel had no more, or `deadline` passed, which is looked at every 32 MiB.
// Costs about 0.1 s a GiB on free memory. The caller has seen to it that the
// machine can spare `size`. Thread-safe.
Bytes Plough(Bytes size, const Clock& clock, absl::Time deadline);

}  // namespace governor

#endif  // GOVERNOR_HOST_PLOUGH_H_
