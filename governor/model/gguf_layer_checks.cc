#include "governor/model/gguf_layer_checks.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

// Rows that a tensor must have, and how they come about. Not known: any.
struct Expected {
  std::optional<uint64_t> rows;  // nullopt: more than 2^64 - 1
  std::string why;
};

// The sum of the products, or nullopt where that wraps.
std::optional<uint64_t> SumOfProducts(
    std::initializer_list<std::pair<uint64_t, uint64_t>> products) {
  std::optional<Bytes> sum = Bytes();
  for (const auto& [a, b] : products) {
    const std::optional<Bytes> product = CheckedMultiply(Bytes(a), b);
    if (!product || !sum) return std::nullopt;
    sum = CheckedAdd(*sum, *product);
  }
  return sum ? std::optional<uint64_t>(sum->count()) : std::nullopt;
}

std::optional<Expected> OfHeads(const AttentionHeads& heads,
                                absl::string_view tensor) {
  if (tensor == "attn_k.weight") {
    return Expected{
        SumOfProducts({{heads.kv_heads, heads.head_size_k}}),
        absl::StrCat(heads.kv_heads, " KV heads of attention.key_length ",
                     heads.head_size_k)};
  }
  if (tensor == "attn_v.weight") {
    return Expected{
        SumOfProducts({{heads.kv_heads, heads.head_size_v}}),
        absl::StrCat(heads.kv_heads, " KV heads of attention.value_length ",
                     heads.head_size_v)};
  }
  if (tensor == "attn_qkv.weight") {
    return Expected{
        SumOfProducts({{heads.query_heads, heads.head_size_k},
                       {heads.kv_heads, heads.head_size_k},
                       {heads.kv_heads, heads.head_size_v}}),
        absl::StrCat(heads.query_heads, " query and ", heads.kv_heads,
                     " KV heads of ", heads.head_size_k, " and ",
                     heads.head_size_v)};
  }
  return std::nullopt;
}

struct ExpectedOf {
  absl::string_view tensor;

  std::optional<Expected> operator()(const FullAttention& kv) const {
    return OfHeads(kv.heads, tensor);
  }
  std::optional<Expected> operator()(const SlidingWindow& kv) const {
    return OfHeads(kv.heads, tensor);
  }
  std::optional<Expected> operator()(const ChunkedAttention& kv) const {
    return OfHeads(kv.heads, tensor);
  }
  std::optional<Expected> operator()(const CrossAttention&) const {
    return std::nullopt;
  }
  std::optional<Expected> operator()(const LatentAttention& kv) const {
    if (tensor != "attn_kv_a_mqa.weight") return std::nullopt;
    return Expected{SumOfProducts({{kv.rank, 1}, {kv.rope_size, 1}}),
                    absl::StrCat("attention.kv_lora_rank ", kv.rank, " and ",
                                 kv.rope_size, " rotated")};
  }
  std::optional<Expected> operator()(const SparseIndexer& kv) const {
    if (tensor != "indexer.attn_k.weight") return std::nullopt;
    return Expected{kv.head_size, absl::StrCat("attention.indexer.key_length ",
                                               kv.head_size)};
  }
  std::optional<Expected> operator()(const CompressedLatent&) const {
    return std::nullopt;
  }
  std::optional<Expected> operator()(const Mamba1State& kv) const {
    if (tensor != "ssm_conv1d.weight") return std::nullopt;
    return Expected{kv.inner_size,
                    absl::StrCat("ssm.inner_size ", kv.inner_size)};
  }
  std::optional<Expected> operator()(const Mamba2State& kv) const {
    if (tensor != "ssm_conv1d.weight") return std::nullopt;
    return Expected{
        SumOfProducts({{kv.heads, kv.head_size},
                       {kv.groups, kv.state_size},
                       {kv.groups, kv.state_size}}),
        absl::StrCat(kv.heads, " heads of ", kv.head_size, " and twice ",
                     kv.groups, " groups of ssm.state_size ", kv.state_size)};
  }
  std::optional<Expected> operator()(const DeltaNetState& kv) const {
    if (tensor != "ssm_conv1d.weight") return std::nullopt;
    return Expected{SumOfProducts({{kv.key_heads, kv.key_head_size},
                                   {kv.key_heads, kv.key_head_size},
                                   {kv.value_heads, kv.value_head_size}}),
                    absl::StrCat("twice ", kv.key_heads, " key heads of ",
                                 kv.key_head_size, " and ", kv.value_heads,
                                 " value heads of ", kv.value_head_size)};
  }
  // Its three convolutions have four dimensions, or two, by age of the file.
  std::optional<Expected> operator()(const KimiDeltaState&) const {
    return std::nullopt;
  }
};

absl::Status CheckTensor(const GgufTensor& tensor, const KvSpec& kv,
                         absl::string_view rest) {
  const std::optional<Expected> expected = std::visit(ExpectedOf{rest}, kv);
  if (!expected ||
      (tensor.dimension_count == 2 && tensor.dimensions[1] == expected->rows)) {
    return absl::OkStatus();
  }
  return GgufDisagrees(absl::StrCat(
      QuotedName(tensor.name), " has ", tensor.dimensions[1], " rows, but ",
      expected->why, " make ", expected->rows.value_or(UINT64_MAX)));
}

}  // namespace

absl::Status CheckGgufLayers(const Gguf& gguf, const GgufFields& fields,
                             GgufBlocks blocks,
                             absl::Span<const std::vector<KvSpec>> layers) {
  std::vector<bool> seen(layers.size());
  for (const GgufTensor& tensor : gguf.tensors) {
    const std::optional<GgufBlockName> block = ParseGgufBlockName(tensor.name);
    if (!block) continue;
    if (block->layer >= layers.size()) {
      return GgufDisagrees(absl::StrCat(fields.Key("block_count"), " is ",
                                        layers.size(), ", but there is ",
                                        QuotedName(tensor.name)));
    }
    seen[block->layer] = true;
    for (const KvSpec& kv : layers[block->layer]) {
      GOVERNOR_RETURN_IF_ERROR(CheckTensor(tensor, kv, block->rest));
    }
  }
  for (uint64_t i = 0; i < blocks.trunk; ++i) {
    if (!seen[i]) {
      return GgufDisagrees(
          absl::StrCat(fields.Key("block_count"), " is ", layers.size(),
                       ", but no tensor is named 'blk.", i, ".*'"));
    }
  }
  return absl::OkStatus();
}

}  // namespace governor
