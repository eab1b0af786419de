#include "governor/model/checkpoint_weights.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"
#include "governor/model/packed_weights.h"
#include "governor/model/tensor_role.h"

namespace governor {
namespace {

// Models have one to three.
constexpr uint64_t kMaxNamedDrafts = 16;

class Adder {
 public:
  Adder(const Checkpoint& checkpoint, ModelShape& shape)
      : checkpoint_(checkpoint),
        shape_(shape),
        declared_drafts_(shape.draft_layers.size()) {}

  absl::Status Add() {
    for (size_t i = 0; i < checkpoint_.shards.size(); ++i) {
      const Safetensors& header = checkpoint_.shards[i].header;
      for (size_t k = 0; k < header.tensor_count(); ++k) {
        const SafetensorsTensor tensor = header.tensor(k);
        GOVERNOR_RETURN_IF_ERROR(AddBytes(tensor));
        GOVERNOR_RETURN_IF_ERROR(AddParameters(tensor, i));
      }
    }
    GOVERNOR_RETURN_IF_ERROR(CheckLayers());
    SettleDrafts();
    AddNotes();
    shape_.has_weights = true;
    return absl::OkStatus();
  }

 private:
  absl::Status AddBytes(const SafetensorsTensor& tensor) {
    const std::optional<Bytes> sum = CheckedAdd(shape_.weights, tensor.size);
    if (!sum) {
      return absl::InvalidArgumentError(
          absl::StrCat("the tensors have more than 2^64 - 1 bytes, counted up "
                       "to ",
                       QuotedName(tensor.name)));
    }
    shape_.weights = *sum;  // no part of it can wrap either
    if (tensor.dtype != last_dtype_) {
      last_dtype_ = tensor.dtype;
      dtype_bytes_ = &shape_.weights_by_dtype[std::string(tensor.dtype->name)];
    }
    *dtype_bytes_ += tensor.size;
    const TensorRole role = RoleOfTensor(tensor.name, shape_.layers.size());
    if (role.is_expert) shape_.expert_weights += tensor.size;
    switch (role.part) {
      case TensorRole::Part::kEmbedding:
        shape_.outer.embedding += tensor.size;
        return absl::OkStatus();
      case TensorRole::Part::kHead:
        shape_.outer.head += tensor.size;
        return absl::OkStatus();
      case TensorRole::Part::kOther:
        (role.is_tower ? shape_.outer.towers : shape_.outer.replicated) +=
            tensor.size;
        return absl::OkStatus();
      case TensorRole::Part::kLayer:
        AddToLayer(tensor, role, shape_.layers[role.layer]);
        return absl::OkStatus();
      case TensorRole::Part::kDraft:
        GOVERNOR_RETURN_IF_ERROR(MakeDraft(tensor, role));
        AddToLayer(tensor, role, shape_.draft_layers[role.layer]);
        return absl::OkStatus();
    }
    return absl::InternalError("unknown part");
  }

  static void AddToLayer(const SafetensorsTensor& tensor,
                         const TensorRole& role, LayerShape& layer) {
    layer.weights += tensor.size;
    // Scales of a whole tensor are not split either.
    if (role.is_replicated || tensor.elements == 1) {
      layer.replicated_weights += tensor.size;
    } else if (role.is_kv_projection) {
      layer.kv_weights += tensor.size;
    }
  }

  // Sees to it that the draft layer of this tensor is there.
  absl::Status MakeDraft(const SafetensorsTensor& tensor,
                         const TensorRole& role) {
    if (role.layer < shape_.draft_layers.size()) return absl::OkStatus();
    if (role.is_named_draft && role.layer < kMaxNamedDrafts) {
      shape_.draft_layers.resize(role.layer + 1);
      return absl::OkStatus();
    }
    const uint64_t layers = shape_.layers.size();
    return absl::InvalidArgumentError(absl::StrCat(
        "tensor ", QuotedName(tensor.name), " belongs to layer ",
        role.is_named_draft ? role.layer : layers + role.layer,
        role.is_named_draft ? " of the draft" : "", ", but config.json has ",
        layers, " layers and ", declared_drafts_,
        " draft layers; take config.json and weights from one revision, or "
        "set num_hidden_layers to what the weights hold"));
  }

  absl::Status AddParameters(const SafetensorsTensor& tensor, size_t shard) {
    const ParameterCount count =
        CountParameters(tensor, [this, shard](absl::string_view name) {
          return checkpoint_.Find(name, shard);
        });
    if (__builtin_add_overflow(shape_.parameters, count.parameters,
                               &shape_.parameters)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the tensors have more than 2^64 - 1 parameters, counted up to ",
          QuotedName(tensor.name)));
    }
    if (!count.is_exact && inexact_++ == 0) {
      first_inexact_ = std::string(tensor.name);
    }
    return absl::OkStatus();
  }

  absl::Status CheckLayers() const {
    for (size_t i = 0; i < shape_.layers.size(); ++i) {
      if (!shape_.layers[i].weights.is_zero()) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "no tensor belongs to layer ", i, ", but config.json has ",
          shape_.layers.size(), " layers (0 to ", shape_.layers.size() - 1,
          "); take config.json and weights from one revision"));
    }
    return absl::OkStatus();
  }

  // Leaves out the draft layers that the weights do not hold.
  void SettleDrafts() {
    std::vector<LayerShape>& drafts = shape_.draft_layers;
    const bool has_undeclared = drafts.size() > declared_drafts_;
    const auto is_absent = [](const LayerShape& layer) {
      return layer.weights.is_zero();
    };
    const auto without = std::count_if(
        drafts.begin(), drafts.begin() + declared_drafts_, is_absent);
    std::erase_if(drafts, is_absent);
    if (has_undeclared) {
      shape_.notes.push_back(absl::StrCat(
          "the weights hold ", drafts.size(),
          " draft layers (mtp), config.json declares ", declared_drafts_,
          "; their weights are counted, a KV cache for them is not"));
    }
    if (without > 0 && !shape_.draft_layers_are_assumed) {
      shape_.notes.push_back(
          absl::StrCat("config.json declares ", declared_drafts_,
                       " draft layers, but the weights hold no tensor of ",
                       without, " of them; these are left out"));
    }
  }

  void AddNotes() {
    if (shape_.head_is_tied && !shape_.outer.head.is_zero()) {
      shape_.notes.push_back(absl::StrCat(
          "tie_word_embeddings is true, but the weights hold a head of ",
          shape_.outer.head.count(),
          " bytes; it is counted, though engines may not load it"));
    }
    if (inexact_ > 0) {
      shape_.notes.push_back(absl::StrCat(
          "the number of parameters is not exact: the files do not say how "
          "many are packed into an element of ",
          inexact_, " tensors, the first of them ",
          QuotedName(first_inexact_)));
    }
  }

  const Checkpoint& checkpoint_;
  ModelShape& shape_;
  const size_t declared_drafts_;
  const SafetensorsDtype* last_dtype_ = nullptr;
  Bytes* dtype_bytes_ = nullptr;  // of last_dtype_
  uint64_t inexact_ = 0;
  std::string first_inexact_;
};

}  // namespace

absl::Status AddWeights(const Checkpoint& checkpoint, ModelShape& shape) {
  shape.notes.insert(shape.notes.end(), checkpoint.notes.begin(),
                     checkpoint.notes.end());
  if (checkpoint.shards.empty()) {
    shape.has_weights = false;
    if (shape.draft_layers_are_assumed) {
      shape.notes.push_back(
          absl::StrCat("the config does not say how many layers draft tokens; ",
                       shape.draft_layers.size(), " is taken"));
    }
    return absl::OkStatus();
  }
  return Adder(checkpoint, shape).Add();
}

}  // namespace governor
