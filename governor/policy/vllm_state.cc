#include "governor/policy/vllm_state.h"

#include <variant>

namespace governor {
namespace {

bool IsCuda(const KvLayoutRequest& request) {
  return request.platform == Platform::kCuda;
}

uint32_t Major(const KvLayoutRequest& request) {
  return request.compute_capability.major;
}

struct DtypeOfState {
  StateDtype operator()(const Mamba1State& state) const { return state.dtype; }
  StateDtype operator()(const Mamba2State& state) const { return state.dtype; }
  StateDtype operator()(const DeltaNetState& state) const {
    return state.dtype;
  }
  StateDtype operator()(const KimiDeltaState& state) const {
    return state.dtype;
  }
  template <typename T>
  StateDtype operator()(const T&) const {
    return StateDtype::kUnsaid;
  }
};

}  // namespace

bool VllmExportsState(const KvSpec& state, const KvLayoutRequest& request) {
  // mamba_mixer2.py; kimi_k3/nvidia/kda.py with FlashKDA, from Hopper on.
  return std::holds_alternative<Mamba2State>(state) ||
         (std::holds_alternative<KimiDeltaState>(state) && IsCuda(request) &&
          Major(request) >= 9);
}

uint64_t VllmStateElementBytes(const KvSpec& state, const VllmTraits& traits,
                               const KvLayoutRequest& request) {
  if (!IsCuda(request)) {
    // platforms/cpu.py, with AVX512-BF16: float32, unless the user asks for
    // another dtype and the model is a gated delta net.
    const bool kept = std::holds_alternative<DeltaNetState>(state) &&
                      (request.state_dtype == StateDtype::kBfloat16 ||
                       request.state_dtype == StateDtype::kFloat16);
    return kept ? 2 : 4;
  }
  StateDtype dtype = request.state_dtype;
  if (dtype == StateDtype::kUnsaid) dtype = std::visit(DtypeOfState{}, state);
  if (dtype == StateDtype::kUnsaid &&
      (traits.float32_state || std::holds_alternative<KimiDeltaState>(state))) {
    dtype = StateDtype::kFloat32;
  }
  return dtype == StateDtype::kFloat32 ? 4 : 2;
}

}  // namespace governor
