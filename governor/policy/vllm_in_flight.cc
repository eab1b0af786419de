#include "governor/policy/vllm_in_flight.h"

#include <limits>

#include "governor/policy/checked_count.h"

namespace governor {
namespace {

bool IsCuda(const KvLayoutRequest& request) {
  return request.platform == Platform::kCuda;
}

}  // namespace

uint64_t VllmBatchedTokens(const KvLayoutRequest& request) {
  // engine/arg_utils.py, get_batch_defaults, for the API server.
  if (!IsCuda(request)) {
    return (CheckedCount(2048) * request.tensor_parallel *
            request.pipeline_parallel)
        .value()
        .value_or(std::numeric_limits<uint64_t>::max());
  }
  const ComputeCapability capability = request.compute_capability;
  if (capability.major == 10) return 16384;  // B200, B300: 160 GiB and more
  if (capability.major == 9 || capability.major == 11 ||
      capability == kDgxSpark) {
    return 8192;  // 70 GiB and more
  }
  return 2048;  // A100, L40S, RTX 5090
}

uint64_t VllmStepsInFlight(const KvLayoutRequest& request) {
  return request.pipeline_parallel + (IsCuda(request) ? 1 : 0);
}

}  // namespace governor
