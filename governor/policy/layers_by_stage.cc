#include "governor/policy/layers_by_stage.h"

namespace governor {

std::vector<uint64_t> LayersByStage(uint64_t layers, uint64_t stages) {
  std::vector<uint64_t> result(stages, layers / stages);
  for (uint64_t i = 0; i < layers % stages; ++i) ++result[stages - 2 - i];
  return result;
}

}  // namespace governor
