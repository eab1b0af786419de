#ifndef GOVERNOR_MODEL_TENSOR_ROLE_H_
#define GOVERNOR_MODEL_TENSOR_ROLE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace governor {

// What a tensor of a Hugging Face checkpoint is for, as far as its name tells:
// the names that transformers' model classes and the labs' own code give.
struct TensorRole {
  enum class Part {
    kEmbedding,
    kHead,
    kLayer,
    kDraft,  // of a layer that predicts further tokens
    kOther,  // final norms, vision towers, encoders, and all that is unknown
  };

  Part part = Part::kOther;
  // Of kLayer, from 0; of kDraft, from the first draft layer on.
  uint64_t layer = 0;
  // kDraft, and said by an `mtp` in the name instead of a layer's number.
  bool is_named_draft = false;
  // One of several experts, of which a token uses some. Not a shared expert.
  bool is_expert = false;
  // Every rank of a tensor-parallel group holds it whole, in vLLM and SGLang:
  // norms, routers, the down-projections of latent attention, indexers.
  bool is_replicated = false;
  // The projection to K or to V, by itself: split over no more ranks than there
  // are KV heads.
  bool is_kv_projection = false;
  // kOther, and of a vision tower, an encoder or another model beside the one
  // that decodes.
  bool is_tower = false;

  friend bool operator==(const TensorRole&, const TensorRole&) = default;
};

// `layers` is how many the model has; those of higher numbers are drafts, as
// DeepSeek's `model.layers.61` is. Never fails: what it does not know is
// kOther, and what it does not know in a layer is split over ranks.
TensorRole RoleOfTensor(absl::string_view name, uint64_t layers);

}  // namespace governor

#endif  // GOVERNOR_MODEL_TENSOR_ROLE_H_
