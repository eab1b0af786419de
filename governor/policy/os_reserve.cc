#include "governor/policy/os_reserve.h"

#include <algorithm>

namespace governor {

Bytes DefaultOsReserve(Bytes ram) {
  return std::max(Bytes(ram.count() / 20),
                  std::min(GiB(8), Bytes(ram.count() / 8)));
}

}  // namespace governor
