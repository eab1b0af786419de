#include "governor/model/gguf_shape.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_architecture.h"
#include "governor/model/gguf_fields.h"
#include "governor/model/gguf_layers.h"
#include "governor/model/gguf_name.h"
#include "governor/model/gguf_weights.h"
#include "governor/model/utf8.h"

namespace governor {
namespace {

absl::Status CheckWhole(const Gguf& gguf) {
  const GgufValue* parts = gguf.Find("split.count");
  if (parts == nullptr || AsUnsigned(*parts).value_or(2) <= 1) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat(
      "split.count is ", ToString(*parts),
      ": these bytes are one part of a split model; give the path of a part, "
      "with all others beside it"));
}

bool IsPlainName(absl::string_view name) {
  return !name.empty() && absl::c_all_of(name, [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

absl::StatusOr<GgufArchitecture> ChooseArchitecture(const std::string& name,
                                                    const GgufOptions& options,
                                                    ModelShape& shape) {
  const GgufArchitecture* known = FindGgufArchitecture(name);
  if (known != nullptr) return *known;
  if (options.assume_gqa && IsPlainName(name)) {
    shape.notes.push_back(absl::StrCat(
        "general.architecture ", QuotedName(name),
        " is not known; every layer is taken for full attention, as asked"));
    return GgufArchitecture{.name = name,
                            .memory = GgufMemory::kHeadsOrNothing};
  }
  return absl::UnimplementedError(absl::StrCat(
      "general.architecture is ", QuotedName(name), ", which is none of the ",
      GgufArchitectures().size(),
      " that are known; --assume-gqa takes every layer for full attention"));
}

// llama.cpp keeps every token where it knows no windows for an architecture.
absl::Status NoteIgnoredWindow(const GgufFields& fields,
                               const GgufArchitecture& architecture,
                               ModelShape& shape) {
  constexpr absl::string_view kField = "attention.sliding_window";
  if (architecture.windows.size != GgufWindows::Size::kNever ||
      architecture.memory == GgufMemory::kCompressedLatent) {
    return absl::OkStatus();
  }
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t window, fields.NumberOrZero(kField));
  if (window != 0) {
    shape.notes.push_back(
        absl::StrCat(fields.Key(kField), " is ", window,
                     ", but llama.cpp keeps every token of such a model"));
  }
  return absl::OkStatus();
}

absl::Status ReadExperts(const GgufFields& fields, uint64_t blocks,
                         ModelShape& shape) {
  constexpr absl::string_view kUsed = "expert_used_count";
  GOVERNOR_ASSIGN_OR_RETURN(shape.experts, fields.NumberOrZero("expert_count"));
  if (shape.experts == 0) return absl::OkStatus();
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<uint64_t> used,
                            fields.NumbersPerLayer(kUsed, blocks));
  for (const uint64_t count : used) {
    shape.experts_per_token = std::max(shape.experts_per_token, count);
  }
  if (shape.experts_per_token > 0 && shape.experts_per_token <= shape.experts) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(fields.Key(kUsed), " is ", shape.experts_per_token,
                   ", but must be from 1 to ", fields.Key("expert_count"), " ",
                   shape.experts));
}

std::string NameOf(const Gguf& gguf) {
  const GgufValue* value = gguf.Find("general.name");
  const auto* name =
      value == nullptr ? nullptr : std::get_if<std::string>(value);
  if (name == nullptr) return "";
  return IsValidUtf8(*name) ? *name : absl::CHexEscape(*name);
}

// Newer files say it, all have it in the tokenizer or in the embedding.
absl::StatusOr<uint64_t> VocabularySize(const Gguf& gguf,
                                        const GgufFields& fields) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> declared,
                            fields.PositiveIfThere("vocab_size"));
  if (declared) return *declared;
  const GgufValue* tokens = gguf.Find("tokenizer.ggml.tokens");
  const auto* list =
      tokens == nullptr ? nullptr : std::get_if<GgufArray>(tokens);
  if (list != nullptr && list->count > 0) return list->count;
  for (const GgufTensor& tensor : gguf.tensors) {
    if (tensor.name == "token_embd.weight") return tensor.dimensions[1];
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the size of the vocabulary is unknown: there is no ",
                   fields.Key("vocab_size"),
                   ", tokenizer.ggml.tokens or token_embd.weight"));
}

}  // namespace

absl::StatusOr<ModelShape> ShapeOfGguf(const Gguf& gguf,
                                       const GgufOptions& options) {
  GOVERNOR_ASSIGN_OR_RETURN(const GgufFields fields, GgufFields::Create(gguf));
  ModelShape shape;
  shape.architecture = fields.architecture();
  // llama.cpp's cache has this dtype, whatever the weights have.
  shape.compute_dtype = "float16";
  GOVERNOR_ASSIGN_OR_RETURN(
      const GgufArchitecture architecture,
      ChooseArchitecture(shape.architecture, options, shape));
  GOVERNOR_RETURN_IF_ERROR(CheckWhole(gguf));
  shape.name = NameOf(gguf);
  GOVERNOR_ASSIGN_OR_RETURN(shape.embedding_length,
                            fields.Positive("embedding_length"));
  GOVERNOR_ASSIGN_OR_RETURN(shape.context_length,
                            fields.Positive("context_length"));
  GOVERNOR_ASSIGN_OR_RETURN(GgufLayers layers,
                            ReadGgufLayers(gguf, fields, architecture));
  GOVERNOR_RETURN_IF_ERROR(ReadExperts(
      fields, layers.layers.size() + layers.draft_layers.size(), shape));
  shape.layers = std::move(layers.layers);
  shape.draft_layers = std::move(layers.draft_layers);
  GOVERNOR_ASSIGN_OR_RETURN(shape.vocabulary_size,
                            VocabularySize(gguf, fields));
  GOVERNOR_RETURN_IF_ERROR(AddGgufWeights(gguf, shape));
  GOVERNOR_RETURN_IF_ERROR(NoteIgnoredWindow(fields, architecture, shape));
  return shape;
}

}  // namespace governor
