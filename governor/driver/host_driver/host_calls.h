#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HOST_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HOST_CALLS_H_

#include <memory>
#include <optional>

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/array_calls.h"
#include "governor/driver/host_driver/capture_calls.h"
#include "governor/driver/host_driver/context_calls.h"
#include "governor/driver/host_driver/copy_calls.h"
#include "governor/driver/host_driver/device_calls.h"
#include "governor/driver/host_driver/graph_calls.h"
#include "governor/driver/host_driver/host_memory_calls.h"
#include "governor/driver/host_driver/host_state.h"
#include "governor/driver/host_driver/ipc_calls.h"
#include "governor/driver/host_driver/linear_calls.h"
#include "governor/driver/host_driver/managed_calls.h"
#include "governor/driver/host_driver/peer_calls.h"
#include "governor/driver/host_driver/pitched_copy_calls.h"
#include "governor/driver/host_driver/pool_calls.h"
#include "governor/driver/host_driver/stream_calls.h"
#include "governor/driver/host_driver/vmm_calls.h"

namespace governor {

// All entry points of one HostDriver: for each row X(Field, symbol) of
// driver_api.h, `&HostCalls::Field` is the method that answers it, wherever it
// is. These classes share one HostState.
class HostCalls final : public ArrayCalls,
                        public CaptureCalls,
                        public ContextCalls,
                        public CopyCalls,
                        public DeviceCalls,
                        public GraphCalls,
                        public HostMemoryCalls,
                        public IpcCalls,
                        public LinearCalls,
                        public ManagedCalls,
                        public PeerCalls,
                        public PitchedCopyCalls,
                        public PoolCalls,
                        public StreamCalls,
                        public VmmCalls {
 public:
  explicit HostCalls(HostState& state)
      : ArrayCalls(state),
        CaptureCalls(state),
        ContextCalls(state),
        CopyCalls(state),
        DeviceCalls(state),
        GraphCalls(state),
        HostMemoryCalls(state),
        IpcCalls(state),
        LinearCalls(state),
        ManagedCalls(state),
        PeerCalls(state),
        PitchedCopyCalls(state),
        PoolCalls(state),
        StreamCalls(state),
        VmmCalls(state),
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
