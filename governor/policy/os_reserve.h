#ifndef GOVERNOR_POLICY_OS_RESERVE_H_
#define GOVERNOR_POLICY_OS_RESERVE_H_

#include "governor/base/bytes.h"

namespace governor {

// What the operating system keeps where nobody said how much, of `ram` in the
// machine: max(5 % of RAM, min(8 GiB, RAM / 8)), rounded down. So 8 GiB from
// 64 GiB to 160 GiB of RAM, an eighth below and a twentieth above.
Bytes DefaultOsReserve(Bytes ram);

}  // namespace governor

#endif  // GOVERNOR_POLICY_OS_RESERVE_H_
