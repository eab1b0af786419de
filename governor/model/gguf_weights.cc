#include "governor/model/gguf_weights.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/model/gguf_blocks.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

// `ffn_gate` of `ffn_gate.weight`.
absl::string_view Stem(absl::string_view rest) {
  return rest.substr(0, rest.rfind('.'));
}

// All experts in one tensor, as `ffn_up_exps`; or in old Mixtral files one
// expert each, as `ffn_up.3`. Not `ffn_norm_exps`, which is a norm.
bool IsExpert(absl::string_view rest) {
  const absl::string_view stem = Stem(rest);
  if (absl::StrContains(stem, "norm")) return false;
  if (absl::StrContains(stem, "_exps") || absl::StrContains(stem, "_chexps")) {
    return true;
  }
  const size_t dot = stem.rfind('.');
  uint64_t expert = 0;
  return absl::StartsWith(stem, "ffn_") && dot != absl::string_view::npos &&
         absl::SimpleAtoi(stem.substr(dot + 1), &expert);
}

bool IsReplicated(const GgufTensor& tensor, absl::string_view rest) {
  constexpr absl::string_view kWhole[] = {"ffn_gate_inp",  "ffn_gate_inp_shexp",
                                          "exp_probs_b",   "attn_q_a",
                                          "attn_kv_a_mqa", "nextn.eh_proj"};
  const absl::string_view stem = Stem(rest);
  const bool one_row = tensor.elements == tensor.dimensions[0];
  return one_row || absl::EndsWith(rest, ".bias") ||
         absl::StrContains(stem, "norm") ||
         absl::StartsWith(stem, "indexer.") ||
         absl::c_linear_search(kWhole, stem);
}

void AddToOuter(const GgufTensor& tensor, OuterWeights& outer) {
  const absl::string_view name = tensor.name;
  const absl::string_view stem = Stem(name);
  if (stem == "token_embd" || stem == "position_embd" ||
      stem == "token_types" || stem == "per_layer_token_embd") {
    outer.embedding += tensor.size;
  } else if (stem == "output") {
    outer.head += tensor.size;
  } else {
    outer.replicated += tensor.size;
  }
}

LayerShape* FindLayer(ModelShape& shape, uint64_t layer) {
  if (layer < shape.layers.size()) return &shape.layers[layer];
  layer -= shape.layers.size();
  return layer < shape.draft_layers.size() ? &shape.draft_layers[layer]
                                           : nullptr;
}

}  // namespace

absl::Status AddGgufWeights(const Gguf& gguf, ModelShape& shape) {
  // Bytes cannot wrap: PlaceGgufTensors proved that the tensors of a file lie
  // side by side in it, and no system has 2^64 bytes of files.
  for (const GgufTensor& tensor : gguf.tensors) {
    if (__builtin_add_overflow(shape.parameters, tensor.elements,
                               &shape.parameters)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the tensors have more than 2^64 - 1 elements, counted up to ",
          QuotedName(tensor.name)));
    }
    shape.weights += tensor.size;
    shape.weights_by_dtype[std::string(tensor.type->name)] += tensor.size;

    const std::optional<GgufBlockName> block = ParseGgufBlockName(tensor.name);
    LayerShape* layer = block ? FindLayer(shape, block->layer) : nullptr;
    if (layer == nullptr) {
      AddToOuter(tensor, shape.outer);
      continue;
    }
    layer->weights += tensor.size;
    if (IsExpert(block->rest)) {
      shape.expert_weights += tensor.size;
    } else if (IsReplicated(tensor, block->rest)) {
      layer->replicated_weights += tensor.size;
    } else if (absl::StartsWith(block->rest, "attn_k.") ||
               absl::StartsWith(block->rest, "attn_v.")) {
      layer->kv_weights += tensor.size;
    }
  }
  return absl::OkStatus();
}

}  // namespace governor
