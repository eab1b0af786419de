#include "governor/model/checkpoint_agreement.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"
#include "governor/model/tensor_role.h"

namespace governor {
namespace {

const AttentionHeads* HeadsOf(const KvSpec& spec) {
  if (const auto* full = std::get_if<FullAttention>(&spec)) {
    return &full->heads;
  }
  if (const auto* sliding = std::get_if<SlidingWindow>(&spec)) {
    return &sliding->heads;
  }
  if (const auto* chunked = std::get_if<ChunkedAttention>(&spec)) {
    return &chunked->heads;
  }
  return nullptr;
}

// What the config expects of a tensor's rows, and in whose terms.
struct Expected {
  uint64_t rows = 0;
  std::string terms;
};

std::optional<Expected> HeadRows(uint64_t heads, uint64_t size) {
  const std::optional<Bytes> rows = CheckedMultiply(Bytes(heads), size);
  if (!rows) return std::nullopt;
  return Expected{rows->count(),
                  absl::StrCat(heads, " KV heads of ", size, " elements")};
}

std::optional<Expected> ExpectedRows(absl::string_view name,
                                     const LayerShape& layer) {
  const bool is_k = absl::EndsWith(name, ".k_proj.weight");
  const bool is_v = absl::EndsWith(name, ".v_proj.weight");
  const bool is_latent = absl::EndsWith(name, ".kv_a_proj_with_mqa.weight");
  if (!is_k && !is_v && !is_latent) return std::nullopt;
  // Of several things kept the name does not tell which it is of.
  if (layer.kv.empty() || layer.kv.size() > (is_latent ? 2 : 1)) {
    return std::nullopt;
  }
  const KvSpec& spec = layer.kv.front();
  if (is_latent) {
    const auto* latent = std::get_if<LatentAttention>(&spec);
    if (latent == nullptr) return std::nullopt;
    const std::optional<Bytes> rows =
        CheckedAdd(Bytes(latent->rank), Bytes(latent->rope_size));
    if (!rows) return std::nullopt;
    return Expected{rows->count(),
                    absl::StrCat("a latent of ", latent->rank, " + ",
                                 latent->rope_size, " elements")};
  }
  const AttentionHeads* heads = HeadsOf(spec);
  if (heads == nullptr) return std::nullopt;
  return HeadRows(heads->kv_heads,
                  is_k ? heads->head_size_k : heads->head_size_v);
}

absl::Status CheckLayerTensor(const SafetensorsTensor& tensor,
                              const LayerShape& layer) {
  const std::optional<Expected> expected = ExpectedRows(tensor.name, layer);
  if (!expected || expected->rows == tensor.dimensions[0]) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("config.json gives ", expected->terms, ", so tensor ",
                   QuotedName(tensor.name), " would have ", expected->rows,
                   " rows, but it has ", tensor.dimensions[0],
                   "; take config.json and weights from one revision"));
}

absl::Status CheckEmbedding(const SafetensorsTensor& tensor,
                            ModelShape& shape) {
  const uint64_t rows = tensor.dimensions[0];
  if (shape.vocabulary_size == 0 || rows == shape.vocabulary_size) {
    return absl::OkStatus();
  }
  const std::string both = absl::StrCat(
      "config.json gives a vocabulary of ", shape.vocabulary_size,
      " tokens, tensor ", QuotedName(tensor.name), " has ", rows, " rows");
  if (rows < shape.vocabulary_size) {
    return absl::InvalidArgumentError(
        absl::StrCat(both, "; take config.json and weights from one revision"));
  }
  shape.notes.push_back(absl::StrCat(
      both, "; the rows are padding, and their bytes are counted"));
  return absl::OkStatus();
}

bool IsEmbedding(absl::string_view name) {
  return absl::EndsWith(name, "embed_tokens.weight") ||
         absl::EndsWith(name, "wte.weight") ||
         absl::EndsWith(name, "tok_embeddings.weight") ||
         absl::EndsWith(name, "word_embeddings.weight") ||
         absl::EndsWith(name, "embed_in.weight");
}

}  // namespace

absl::Status CheckAgreement(const Checkpoint& checkpoint, ModelShape& shape) {
  for (const Checkpoint::Shard& shard : checkpoint.shards) {
    for (size_t i = 0; i < shard.header.tensor_count(); ++i) {
      const absl::string_view name = shard.header.name(i);
      // Most are neither, and need no look at their shape.
      if (!absl::EndsWith(name, ".weight")) continue;
      if (!absl::EndsWith(name, "v_proj.weight") &&
          !absl::EndsWith(name, "k_proj.weight") &&
          !absl::EndsWith(name, "_with_mqa.weight") && !IsEmbedding(name)) {
        continue;
      }
      const SafetensorsTensor tensor = shard.header.tensor(i);
      if (tensor.dimension_count != 2 || !tensor.dtype->is_float ||
          tensor.dtype->bits < 8) {
        continue;
      }
      const TensorRole role = RoleOfTensor(name, shape.layers.size());
      if (role.part == TensorRole::Part::kLayer) {
        if (absl::StrContains(name, "encoder_attn")) continue;
        GOVERNOR_RETURN_IF_ERROR(
            CheckLayerTensor(tensor, shape.layers[role.layer]));
      } else if (role.part == TensorRole::Part::kEmbedding &&
                 IsEmbedding(name)) {
        GOVERNOR_RETURN_IF_ERROR(CheckEmbedding(tensor, shape));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace governor
