// Any bytes as a GGUF file: parsed, shaped and planned. What comes out must be
// true of the bytes, and what is refused must be refused readably.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "governor/model/byte_source.h"
#include "governor/model/gguf.h"
#include "governor/model/gguf_shape.h"
#include "governor/policy/engine.h"
#include "governor/policy/kv_planner.h"
#include "tests/fuzz/require.h"

namespace governor {
namespace {

void CheckRefusal(const absl::Status& status) {
  Require(status.code() == absl::StatusCode::kInvalidArgument ||
          status.code() == absl::StatusCode::kUnimplemented);
  Require(!status.message().empty() && status.message().size() < 2048);
  for (const char c : status.message()) Require(absl::ascii_isprint(c));
}

// Inside the data section, aligned, and no two in one place.
void CheckTensors(const Gguf& gguf, uint64_t file_size) {
  std::vector<const GgufTensor*> tensors;
  for (const GgufTensor& tensor : gguf.tensors) {
    Require(!tensor.name.empty() && tensor.type != nullptr);
    Require(tensor.elements > 0 && !tensor.size.is_zero());
    Require(tensor.offset >= gguf.data_offset);
    Require((tensor.offset - gguf.data_offset) % gguf.alignment == 0);
    Require(tensor.size.count() <= file_size);
    Require(tensor.offset <= file_size - tensor.size.count());
    tensors.push_back(&tensor);
  }
  std::sort(tensors.begin(), tensors.end(),
            [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < tensors.size(); ++i) {
    Require(tensors[i - 1]->offset + tensors[i - 1]->size.count() <=
            tensors[i]->offset);
    Require(tensors[i - 1]->name != tensors[i]->name);
  }
}

// Nothing that is kept can be larger than the bytes that it came from.
void CheckKept(const Gguf& gguf, uint64_t file_size) {
  uint64_t text = 0;
  for (const auto& [key, value] : gguf.metadata) {
    text += key.size();
    if (const auto* string = std::get_if<std::string>(&value)) {
      text += string->size();
    } else if (const auto* array = std::get_if<GgufArray>(&value)) {
      text += array->elements.size();
    }
  }
  for (const GgufTensor& tensor : gguf.tensors) text += tensor.name.size();
  Require(text <= file_size);
  Require(gguf.tensors.capacity() * 33 <= file_size);
  Require(gguf.metadata.size() * 14 <= file_size);
}

void CheckShape(const Gguf& gguf, const ModelShape& shape) {
  Bytes weights;
  uint64_t parameters = 0;
  for (const GgufTensor& tensor : gguf.tensors) {
    weights += tensor.size;
    parameters += tensor.elements;
  }
  Bytes by_dtype;
  for (const auto& [dtype, size] : shape.weights_by_dtype) by_dtype += size;
  Require(shape.weights == weights && by_dtype == weights);
  Require(shape.parameters == parameters);
  Require(!shape.layers.empty() &&
          shape.layers.size() + shape.draft_layers.size() <=
              gguf.tensors.size());
  Bytes parts = shape.outer.embedding + shape.outer.head +
                shape.outer.replicated + shape.outer.towers;
  for (const auto* layers : {&shape.layers, &shape.draft_layers}) {
    for (const LayerShape& layer : *layers) {
      Require(layer.replicated_weights <= layer.weights);
      parts += layer.weights;
    }
  }
  Require(parts == weights && shape.expert_weights <= weights);
  Require(shape.experts_per_token <= shape.experts);
  Require(shape.context_length > 0 && shape.vocabulary_size > 0);
}

void CheckPlan(const ModelShape& shape, Engine engine) {
  PlanRequest request;
  request.budget = GiB(40);
  request.layout.engine = engine;
  const absl::StatusOr<Plan> plan = PlanKv(shape, request);
  if (!plan.ok()) return CheckRefusal(plan.status());
  Require(plan->fits != plan->shortfall.has_value());
  for (const StagePlan& stage : plan->stages) {
    // Zero also where the parts do not fit.
    if (plan->fits || (stage.left && !stage.left->is_zero())) {
      Require(stage.fixed() + stage.kv + *stage.left == GiB(40));
    }
  }
}

void CheckModel(const Gguf& gguf, const GgufOptions& options) {
  const absl::StatusOr<ModelShape> shape = ShapeOfGguf(gguf, options);
  if (!shape.ok()) return CheckRefusal(shape.status());
  CheckShape(gguf, *shape);
  for (const Engine engine : {Engine::kLlamaCpp, Engine::kVllm}) {
    CheckPlan(*shape, engine);
  }
}

}  // namespace
}  // namespace governor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace governor;
  const MemoryByteSource source(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  const absl::StatusOr<Gguf> gguf = ParseGguf(source);
  if (!gguf.ok()) {
    CheckRefusal(gguf.status());
    return 0;
  }
  CheckTensors(*gguf, size);
  CheckKept(*gguf, size);
  CheckModel(*gguf, {});
  CheckModel(*gguf, {.assume_gqa = true});
  return 0;
}
