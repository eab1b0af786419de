#include "governor/policy/default_engine.h"

namespace governor {

Engine DefaultEngine(std::optional<KvDtype> dtype) {
  switch (dtype.value_or(KvDtype::kBf16)) {
    case KvDtype::kFp32:
    case KvDtype::kQ8_0:
    case KvDtype::kQ5_1:
    case KvDtype::kQ5_0:
    case KvDtype::kQ4_1:
    case KvDtype::kQ4_0:
    case KvDtype::kIq4Nl:
      return Engine::kLlamaCpp;
    case KvDtype::kInt8:
      return Engine::kTensorRtLlm;
    default:
      return Engine::kVllm;
  }
}

}  // namespace governor
