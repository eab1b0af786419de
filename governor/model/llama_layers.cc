#include "governor/model/llama_layers.h"

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_fields.h"
#include "governor/model/gguf_name.h"

namespace governor {
namespace {

constexpr absl::string_view kArchitectures[] = {"llama", "qwen2", "qwen2moe",
                                                "qwen3", "qwen3moe"};

// What layer `N` of `blk.N.rest` is made of.
struct BlockTensor {
  uint64_t layer = 0;
  absl::string_view rest;
};

// nullopt: a tensor outside the layers, such as `output.weight`.
std::optional<BlockTensor> ParseBlockName(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "blk.")) return std::nullopt;
  const size_t dot = name.find('.');
  BlockTensor block;
  if (dot == absl::string_view::npos ||
      !absl::SimpleAtoi(name.substr(0, dot), &block.layer)) {
    return std::nullopt;
  }
  block.rest = name.substr(dot + 1);
  return block;
}

absl::Status Disagree(absl::string_view reason) {
  return absl::InvalidArgumentError(
      absl::StrCat("the file's metadata and tensors disagree: ", reason));
}

absl::Status CheckRows(const GgufTensor& tensor, uint64_t heads,
                       uint64_t head_size, absl::string_view size_field) {
  const std::optional<Bytes> rows = CheckedMultiply(Bytes(heads), head_size);
  if (tensor.dimension_count == 2 && rows &&
      tensor.dimensions[1] == rows->count()) {
    return absl::OkStatus();
  }
  return Disagree(absl::StrCat(QuotedName(tensor.name), " has ",
                               tensor.dimensions[1], " rows, but ", heads,
                               " KV heads of ", size_field, " ", head_size,
                               " make ", rows ? rows->count() : UINT64_MAX));
}

// Every `blk.N.` tensor belongs to a declared layer and fits it, and every
// declared layer has one.
absl::Status CheckTensors(const Gguf& gguf, const std::string& count_key,
                          const std::vector<LayerShape>& layers) {
  std::vector<bool> seen(layers.size());
  for (const GgufTensor& tensor : gguf.tensors) {
    const std::optional<BlockTensor> block = ParseBlockName(tensor.name);
    if (!block) continue;
    if (block->layer >= layers.size()) {
      return Disagree(absl::StrCat(count_key, " is ", layers.size(),
                                   ", but there is ", QuotedName(tensor.name)));
    }
    seen[block->layer] = true;
    const AttentionHeads& layer =
        std::get<FullAttention>(layers[block->layer].kv[0]).heads;
    if (block->rest == "attn_k.weight") {
      GOVERNOR_RETURN_IF_ERROR(CheckRows(
          tensor, layer.kv_heads, layer.head_size_k, "attention.key_length"));
    } else if (block->rest == "attn_v.weight") {
      GOVERNOR_RETURN_IF_ERROR(CheckRows(
          tensor, layer.kv_heads, layer.head_size_v, "attention.value_length"));
    }
  }
  for (size_t i = 0; i < seen.size(); ++i) {
    if (!seen[i]) {
      return Disagree(absl::StrCat(count_key, " is ", seen.size(),
                                   ", but no tensor is named 'blk.", i, ".*'"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNoWindow(const Gguf& gguf, const GgufFields& fields) {
  const std::string key = fields.Key("attention.sliding_window");
  const GgufValue* window = gguf.Find(key);
  if (window == nullptr || AsUnsigned(*window) == 0) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(key, " is ", ToString(*window),
                   ", but only full attention is planned today"));
}

absl::StatusOr<uint64_t> BlockCount(const Gguf& gguf,
                                    const GgufFields& fields) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count,
                            fields.Positive("block_count"));
  // Every layer has a tensor, so nothing larger is ever allocated for.
  if (count > gguf.tensors.size()) {
    return Disagree(absl::StrCat(fields.Key("block_count"), " is ", count,
                                 ", but there are only ", gguf.tensors.size(),
                                 " tensors"));
  }
  return count;
}

// The head size where no field gives it.
absl::StatusOr<uint64_t> DefaultHeadSize(const GgufFields& fields,
                                         uint64_t query_heads) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t embedding,
                            fields.Positive("embedding_length"));
  if (embedding % query_heads == 0) return embedding / query_heads;
  return absl::InvalidArgumentError(absl::StrCat(
      fields.Key("embedding_length"), " ", embedding, " is no multiple of ",
      fields.Key("attention.head_count"), " ", query_heads,
      ", and there is no ", fields.Key("attention.key_length"), " and ",
      fields.Key("attention.value_length")));
}

absl::Status CheckHeads(const GgufFields& fields, const AttentionHeads& layer) {
  if (layer.kv_heads <= layer.query_heads &&
      layer.query_heads % layer.kv_heads == 0) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(fields.Key("attention.head_count"), " ", layer.query_heads,
                   " must be a multiple of ",
                   fields.Key("attention.head_count_kv"), " ", layer.kv_heads));
}

}  // namespace

absl::Span<const absl::string_view> LlamaArchitectures() {
  return kArchitectures;
}

absl::StatusOr<std::vector<LayerShape>> LlamaLayers(const Gguf& gguf) {
  GOVERNOR_ASSIGN_OR_RETURN(const GgufFields fields, GgufFields::Create(gguf));
  GOVERNOR_RETURN_IF_ERROR(CheckNoWindow(gguf, fields));
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, BlockCount(gguf, fields));
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::vector<uint64_t> query_heads,
      fields.PositivePerLayer("attention.head_count", count));
  if (query_heads.empty()) {
    // For the message that names the missing field.
    return fields.Positive("attention.head_count").status();
  }
  GOVERNOR_ASSIGN_OR_RETURN(
      std::vector<uint64_t> kv_heads,
      fields.PositivePerLayer("attention.head_count_kv", count));
  if (kv_heads.empty()) kv_heads = query_heads;
  GOVERNOR_ASSIGN_OR_RETURN(std::optional<uint64_t> head_size_k,
                            fields.PositiveIfThere("attention.key_length"));
  GOVERNOR_ASSIGN_OR_RETURN(std::optional<uint64_t> head_size_v,
                            fields.PositiveIfThere("attention.value_length"));
  if (!head_size_k || !head_size_v) {
    GOVERNOR_ASSIGN_OR_RETURN(const uint64_t head_size,
                              DefaultHeadSize(fields, query_heads[0]));
    head_size_k = head_size_k.value_or(head_size);
    head_size_v = head_size_v.value_or(head_size);
  }

  std::vector<LayerShape> layers;
  layers.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const AttentionHeads heads = {.query_heads = query_heads[i],
                                  .kv_heads = kv_heads[i],
                                  .head_size_k = *head_size_k,
                                  .head_size_v = *head_size_v};
    GOVERNOR_RETURN_IF_ERROR(CheckHeads(fields, heads));
    layers.push_back({.kv = {FullAttention{heads}}});
  }
  GOVERNOR_RETURN_IF_ERROR(
      CheckTensors(gguf, fields.Key("block_count"), layers));
  return layers;
}

}  // namespace governor
