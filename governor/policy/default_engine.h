#ifndef GOVERNOR_POLICY_DEFAULT_ENGINE_H_
#define GOVERNOR_POLICY_DEFAULT_ENGINE_H_

#include <optional>

#include "governor/policy/engine.h"
#include "governor/policy/kv_dtype.h"

namespace governor {

// The engine to plan for where none is named: vLLM, but for a KV dtype that
// only others store: llama.cpp for ggml's dtypes and fp32, TensorRT-LLM for
// int8.
Engine DefaultEngine(std::optional<KvDtype> dtype);

}  // namespace governor

#endif  // GOVERNOR_POLICY_DEFAULT_ENGINE_H_
