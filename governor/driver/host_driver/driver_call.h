#ifndef GOVERNOR_DRIVER_HOST_DRIVER_DRIVER_CALL_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_DRIVER_CALL_H_

#include <ostream>

#include "absl/strings/string_view.h"
#include "governor/driver/driver_api.h"

namespace governor {

// A kind of driver call: one value for each row of driver_api.h, in its order.
enum class DriverCall {
#define GOVERNOR_CALL(field, symbol) k##field,
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_CALL)
      GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_CALL)
#undef GOVERNOR_CALL
};

inline constexpr int kDriverCallCount = 0
#define GOVERNOR_COUNT(field, symbol) +1
    GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_COUNT)
        GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_COUNT)
#undef GOVERNOR_COUNT
    ;

// The exported symbol: "cuMemGetInfo_v2". Null-terminated, lives for ever.
absl::string_view Name(DriverCall call);

inline std::ostream& operator<<(std::ostream& out, DriverCall call) {
  return out << Name(call);
}

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_DRIVER_CALL_H_
