#include "governor/policy/layer_kv.h"

#include <cstddef>
#include <optional>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

// The bytes that one head stores of one token.
absl::StatusOr<Bytes> SizeOfHead(uint64_t head_size, absl::string_view field,
                                 const KvDtypeLayout& layout) {
  if (head_size == 0) {
    return absl::InvalidArgumentError(absl::StrCat(field, " is zero"));
  }
  if (head_size % layout.block_elements != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("KV dtype ", layout.name, " stores blocks of ",
                     layout.block_elements, " elements, which do not divide ",
                     field, " ", head_size, "; use bf16 or fp8"));
  }
  const std::optional<Bytes> size = CheckedMultiply(
      Bytes(head_size / layout.block_elements), layout.block_bytes);
  if (size) return *size;
  return absl::InvalidArgumentError(
      absl::StrCat(field, " ", head_size, " passes 2^64 - 1 bytes"));
}

struct PerToken {
  const KvDtypeLayout& layout;

  absl::StatusOr<Bytes> operator()(const AttentionHeads& attention) const {
    if (attention.kv_heads == 0) {
      return absl::InvalidArgumentError("kv_heads is zero");
    }
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes k, SizeOfHead(attention.head_size_k,
                                                        "head_size_k", layout));
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes v, SizeOfHead(attention.head_size_v,
                                                        "head_size_v", layout));
    std::optional<Bytes> size = CheckedAdd(k, v);
    if (size) size = CheckedMultiply(*size, attention.kv_heads);
    if (size) return *size;
    return absl::InvalidArgumentError(
        absl::StrCat(attention.kv_heads, " KV heads of head_size_k ",
                     attention.head_size_k, " and head_size_v ",
                     attention.head_size_v, " pass 2^64 - 1 bytes a token"));
  }
};

}  // namespace

absl::StatusOr<Bytes> KvPerToken(const LayerShape& layer, KvDtype dtype) {
  Bytes sum;
  for (const KvSpec& spec : layer.kv) {
    const auto* full = std::get_if<FullAttention>(&spec);
    if (full == nullptr) {
      return absl::UnimplementedError("only full attention is planned today");
    }
    GOVERNOR_ASSIGN_OR_RETURN(const Bytes size,
                              PerToken{LayoutOf(dtype)}(full->heads));
    const std::optional<Bytes> next = CheckedAdd(sum, size);
    if (!next) return absl::InvalidArgumentError("passes 2^64 - 1 bytes");
    sum = *next;
  }
  return sum;
}

absl::StatusOr<std::vector<Bytes>> KvPerTokenByLayer(
    absl::Span<const LayerShape> layers, KvDtype dtype) {
  std::vector<Bytes> sizes;
  sizes.reserve(layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    const absl::StatusOr<Bytes> size = KvPerToken(layers[i], dtype);
    if (!size.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer ", i, ": ", size.status().message()));
    }
    sizes.push_back(*size);
  }
  return sizes;
}

}  // namespace governor
