#include "governor/model/tensor_role.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace governor {
namespace {

using Words = std::initializer_list<absl::string_view>;

// Parts of a name that lies in `.`s.
constexpr Words kLayers = {"layers", "layer", "h", "blocks", "block"};
constexpr Words kEmbeddings = {
    "embed_tokens", "embed_tokens_per_layer",
    "wte",          "word_embeddings",
    "embed_in",     "tok_embeddings",
    "embed",        "embeddings",
    "embedding",    "shared",
};
constexpr Words kHeads = {"lm_head", "embed_out", "output", "head",
                          "output_layer"};
// What comes before layers that are not the language model's.
constexpr Words kOtherModels = {
    "vision",       "visual",      "vit",      "image",     "audio",
    "speech",       "multi_modal", "mm_",      "talker",    "patch",
    "aligner",      "token2wav",   "code2wav", "projector", "connector",
    "embed_vision", "embed_audio",
};
constexpr Words kRouters = {"gate", "router", "shared_expert_gate"};
// Linear layers that vLLM makes ReplicatedLinear: the first of two factors.
constexpr Words kReplicated = {
    "q_a_proj",       "kv_a_proj_with_mqa",
    "wq_a",           "wkv_a",
    "wkv_a_with_mqa", "wkv",
    "f_a_proj",       "g_a_proj",
    "indexer",        "fused_qkv_a_proj_with_mqa",
    "compressor",     "eh_proj",
};
constexpr Words kKvProjections = {"k_proj", "v_proj", "wk", "wv"};
// Row-parallel linear layers: their bias is added once, by every rank.
constexpr Words kRowParallel = {"o_proj", "down_proj", "out_proj",
                                "dense",  "wo",        "w2",
                                "c_proj", "fc2",       "dense_4h_to_h"};

bool IsOneOf(absl::string_view word, const Words& words) {
  return absl::c_linear_search(words, word);
}

bool StartsWithOneOf(absl::string_view word, const Words& words) {
  return absl::c_any_of(words, [word](absl::string_view prefix) {
    return absl::StartsWith(word, prefix);
  });
}

std::optional<uint64_t> NumberOf(absl::string_view word) {
  uint64_t number = 0;
  if (word.empty() || word.size() > 9 ||
      !absl::c_all_of(word, absl::ascii_isdigit) ||
      !absl::SimpleAtoi(word, &number)) {
    return std::nullopt;
  }
  return number;
}

bool IsNorm(absl::string_view word) {
  return absl::StrContains(word, "norm") || word == "ln_1" || word == "ln_2" ||
         word == "ln_f";
}

bool HasOneOf(absl::string_view text, const Words& words) {
  for (const absl::string_view word : absl::StrSplit(text, '.')) {
    if (IsOneOf(word, words)) return true;
  }
  return false;
}

// Of a tensor in a layer, from the words behind the layer's number.
bool IsReplicated(absl::string_view words) {
  absl::string_view before;
  for (const absl::string_view word : absl::StrSplit(words, '.')) {
    if (IsNorm(word) || IsOneOf(word, kRouters) || IsOneOf(word, kReplicated) ||
        absl::StartsWith(word, "hc_")) {
      return true;
    }
    if (word == "bias" && IsOneOf(before, kRowParallel)) return true;
    before = word;
  }
  return false;
}

bool IsExpert(absl::string_view words) {
  return absl::StrContains(words, ".experts.") ||
         absl::StartsWith(words, "experts.") ||
         // Granite has all experts in one tensor.
         absl::StartsWith(words, "block_sparse_moe.input_linear") ||
         absl::StartsWith(words, "block_sparse_moe.output_linear");
}

}  // namespace

TensorRole RoleOfTensor(absl::string_view name, uint64_t layers) {
  TensorRole role;
  bool is_draft = false;
  bool expects_number = false;
  absl::string_view before;
  absl::string_view rest = name;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('.'), rest.size());
    const absl::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::optional<uint64_t> number =
        expects_number ? NumberOf(word) : std::nullopt;
    if (number) {
      role.part = is_draft || *number >= layers ? TensorRole::Part::kDraft
                                                : TensorRole::Part::kLayer;
      role.layer = is_draft || *number < layers ? *number : *number - layers;
      role.is_named_draft = is_draft;
      role.is_expert = IsExpert(rest);
      role.is_replicated = !role.is_expert && IsReplicated(rest);
      role.is_kv_projection = !role.is_replicated && !role.is_expert &&
                              HasOneOf(rest, kKvProjections);
      return role;
    }
    if (StartsWithOneOf(word, kOtherModels)) {
      role.is_tower = true;
      return role;
    }
    // ChatGLM calls its only stack of layers an encoder.
    if (word == "encoder" && before != "transformer") {
      role.is_tower = true;
      return role;
    }
    is_draft = is_draft || word == "mtp" || word == "mtp_layers";
    expects_number =
        IsOneOf(word, kLayers) || word == "mtp" || word == "mtp_layers";
    if (!is_draft && IsOneOf(word, kEmbeddings)) {
      role.part = TensorRole::Part::kEmbedding;
    } else if (!is_draft && IsOneOf(word, kHeads)) {
      role.part = TensorRole::Part::kHead;
    }
    before = word;
  }
  if (is_draft) {
    role.part = TensorRole::Part::kDraft;
    role.is_named_draft = true;
    role.is_replicated = true;
  }
  return role;
}

}  // namespace governor
