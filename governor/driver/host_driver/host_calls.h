#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_CALLS_H_

#include <memory>
#include <optional>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/context_calls.h"
#include "governor/driver/host_driver/copy_calls.h"
#include "governor/driver/host_driver/device_calls.h"
#include "governor/driver/host_driver/host_state.h"
#include "governor/driver/host_driver/linear_calls.h"
#include "governor/driver/host_driver/stream_calls.h"
#include "governor/driver/host_driver/vmm_calls.h"

namespace governor {

// All entry points of one HostDriver: for each row X(Field, symbol) of
// driver_api.h, `&HostCalls::Field` is the method that answers it, wherever it
// is. The six classes share one HostState.
class HostCalls final : public DeviceCalls,
                        public ContextCalls,
                        public VmmCalls,
                        public LinearCalls,
                        public CopyCalls,
                        public StreamCalls {
 public:
  explicit HostCalls(HostState& state)
      : DeviceCalls(state),
        ContextCalls(state),
        VmmCalls(state),
        LinearCalls(state),
        CopyCalls(state),
        StreamCalls(state),
        state_(state) {}

  HostState& state() { return state_; }

  // What stands before every method: refuses a forked child, counts the call,
  // and asks the fault plan. A result is the answer, and the method is not run.
  std::optional<CUresult> Enter(DriverCall call);

 private:
  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HOST_CALLS_H_
