#include "governor/model/read_model.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "governor/base/status_macros.h"
#include "governor/model/gguf_fields.h"
#include "governor/model/gguf_name.h"
#include "governor/model/llama_layers.h"
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
      ": the file is one part of a split model, which is not read yet; join "
      "the parts with llama-gguf-split --merge"));
}

absl::Status CheckArchitecture(const std::string& architecture) {
  if (absl::c_linear_search(LlamaArchitectures(), architecture)) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      absl::StrCat("general.architecture is ", QuotedName(architecture),
                   ", but only these are known: ",
                   absl::StrJoin(LlamaArchitectures(), ", ")));
}

// Sums over the tensors, which PlaceGgufTensors proved to lie side by side in
// one file, so that their bytes cannot wrap.
absl::Status AddTensors(const Gguf& gguf, ModelShape& shape) {
  for (const GgufTensor& tensor : gguf.tensors) {
    if (__builtin_add_overflow(shape.parameters, tensor.elements,
                               &shape.parameters)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the tensors have more than 2^64 - 1 elements, counted up to ",
          QuotedName(tensor.name)));
    }
    shape.weights += tensor.size;
    shape.weights_by_dtype[std::string(tensor.type->name)] += tensor.size;
  }
  return absl::OkStatus();
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

absl::StatusOr<ModelShape> ShapeOfGguf(const Gguf& gguf) {
  GOVERNOR_ASSIGN_OR_RETURN(const GgufFields fields, GgufFields::Create(gguf));
  GOVERNOR_RETURN_IF_ERROR(CheckArchitecture(fields.architecture()));
  GOVERNOR_RETURN_IF_ERROR(CheckWhole(gguf));
  ModelShape shape;
  shape.architecture = fields.architecture();
  shape.name = NameOf(gguf);
  GOVERNOR_ASSIGN_OR_RETURN(shape.embedding_length,
                            fields.Positive("embedding_length"));
  GOVERNOR_ASSIGN_OR_RETURN(shape.context_length,
                            fields.Positive("context_length"));
  GOVERNOR_ASSIGN_OR_RETURN(shape.layers, LlamaLayers(gguf));
  GOVERNOR_ASSIGN_OR_RETURN(shape.vocabulary_size,
                            VocabularySize(gguf, fields));
  GOVERNOR_RETURN_IF_ERROR(AddTensors(gguf, shape));
  return shape;
}

absl::StatusOr<ModelShape> ReadModelShape(const std::string& path) {
  GOVERNOR_ASSIGN_OR_RETURN(const Gguf gguf, ReadGguf(path));
  absl::StatusOr<ModelShape> shape = ShapeOfGguf(gguf);
  if (shape.ok()) return shape;
  return absl::Status(
      shape.status().code(),
      absl::StrCat("cannot use this model: ", shape.status().message(),
                   "; file '", absl::Utf8SafeCHexEscape(path), "'"));
}

}  // namespace governor
