#include "governor/driver/host_driver/driver_call.h"

namespace governor {

absl::string_view Name(DriverCall call) {
  static constexpr absl::string_view kNames[] = {
#define GOVERNOR_NAME(field, symbol) #symbol,
      GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_NAME)
          GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_NAME)
#undef GOVERNOR_NAME
  };
  return kNames[static_cast<int>(call)];
}

}  // namespace governor
