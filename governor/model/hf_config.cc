#include "governor/model/hf_config.h"

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "governor/base/status_macros.h"
#include "governor/model/config_families.h"
#include "governor/model/config_fields.h"
#include "governor/model/gguf_name.h"
#include "governor/model/llama_config.h"

namespace governor {
namespace {

constexpr ConfigFamily kAssumedFamily = {.model_type = "",
                                         .read = ReadAttentionLayers};

// A config, and the object in it that describes the language model: often the
// config itself.
struct Model {
  ConfigFields root;
  ConfigFields text;
  bool nested = false;

  // `text`, or `root` where only that has the field.
  const ConfigFields& With(ConfigName name) const {
    return text.Has(name) ? text : root;
  }
};

std::optional<ConfigFields> LanguageModel(const ConfigFields& fields) {
  for (const ConfigName name :
       {ConfigName("text_config"), ConfigName("language_config"),
        ConfigName("llm_config")}) {
    const std::optional<ConfigFields> object = fields.Object(name);
    if (object && (object->Has("model_type") || object->Has("hidden_size") ||
                   object->Has("num_hidden_layers"))) {
      return object;
    }
  }
  return std::nullopt;
}

Model ModelOf(const Config& config) {
  const ConfigFields root(config);
  std::optional<ConfigFields> text = LanguageModel(root);
  if (!text) {
    const auto thinker = root.Object("thinker_config");
    if (thinker) text = LanguageModel(*thinker);
  }
  return {root, text.value_or(root), text.has_value()};
}

absl::Status UnknownFamily(const Model& model, absl::string_view model_type,
                           absl::string_view architecture) {
  return absl::UnimplementedError(absl::StrCat(
      model.With("model_type").Path("model_type"), " is ",
      QuotedName(model_type), " (architecture ", QuotedName(architecture),
      "), which is none of the ", ConfigFamilies().size(),
      " known families; --assume-gqa goes on as if every layer were full "
      "attention, which may plan too much"));
}

// The first of `architectures`; where there is none, the model type.
absl::StatusOr<std::string> Architecture(const Model& model,
                                         absl::string_view model_type) {
  const ConfigFields& fields =
      model.root.Has("architectures") ? model.root : model.text;
  GOVERNOR_ASSIGN_OR_RETURN(const std::vector<absl::string_view> names,
                            fields.Texts("architectures"));
  return std::string(names.empty() ? model_type : names[0]);
}

absl::StatusOr<const ConfigFamily*> FamilyOf(const Model& model,
                                             absl::string_view model_type,
                                             const ConfigOptions& options,
                                             ModelShape& shape) {
  const ConfigFamily* family = FindConfigFamily(model_type);
  if (family == nullptr) {
    // The whole model's type, where its text has none of its own.
    family = FindConfigFamily(absl::StrCat(model_type, "_text"));
  }
  if (family != nullptr && !family->refusal.empty()) {
    return absl::UnimplementedError(
        absl::StrCat(model.With("model_type").Path("model_type"), " is ",
                     QuotedName(model_type), ": ", family->refusal));
  }
  if (family != nullptr) return family;
  if (!options.assume_gqa) {
    return UnknownFamily(model, model_type, shape.architecture);
  }
  shape.notes.push_back(absl::StrCat(
      "model_type ", QuotedName(model_type),
      " is not known; every layer is assumed to be full attention"));
  return &kAssumedFamily;
}

// The first of `names` that the language model or else the config has.
absl::StatusOr<uint64_t> FirstCount(const Model& model,
                                    std::initializer_list<ConfigName> names) {
  for (const ConfigFields* fields : {&model.text, &model.root}) {
    for (const ConfigName name : names) {
      // Some families list one number for each tower.
      if (!fields->Has(name) || fields->IsArray(name)) continue;
      GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> count,
                                fields->WholeIfThere(name));
      return count.value_or(0);
    }
  }
  return 0;
}

absl::Status ReadSizes(const Model& model, const ConfigFamily& family,
                       ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(
      shape.embedding_length,
      FirstCount(model, {"hidden_size", "n_embd", "d_model"}));
  GOVERNOR_ASSIGN_OR_RETURN(
      shape.context_length,
      FirstCount(model, {"max_position_embeddings", "n_positions",
                         "max_target_positions", "max_sequence_length",
                         "seq_length", "model_max_length"}));
  GOVERNOR_ASSIGN_OR_RETURN(
      shape.vocabulary_size,
      FirstCount(model, {"vocab_size", "padded_vocab_size"}));
  GOVERNOR_ASSIGN_OR_RETURN(
      shape.experts, FirstCount(model, {"n_routed_experts", "num_local_experts",
                                        "num_experts", "moe_num_experts"}));
  if (shape.experts > 0) {
    GOVERNOR_ASSIGN_OR_RETURN(
        shape.experts_per_token,
        FirstCount(model, {"num_experts_per_tok", "num_experts_per_token",
                           "top_k_experts", "moe_topk", "moe_k"}));
  }
  if (shape.context_length == 0 && family.context > 0) {
    shape.context_length = family.context;
    shape.notes.push_back(
        absl::StrCat(model.text.Path("max_position_embeddings"), " is absent; ",
                     family.context, " is taken, the family's default"));
  } else if (shape.context_length == 0) {
    shape.notes.push_back("the config does not say how long its context is");
  }
  if (shape.vocabulary_size == 0) {
    shape.notes.push_back(
        "the config does not say how large its vocabulary is");
  }
  return absl::OkStatus();
}

// After ReadSizes: a context within the window is the same with or without.
void NoteDoubtfulWindow(const Model& model, const ConfigFamily& family,
                        ModelShape& shape) {
  if (family.doubtful_window == 0 || model.text.Mentions("sliding_window") ||
      (shape.context_length > 0 &&
       shape.context_length <= family.doubtful_window)) {
    return;
  }
  shape.notes.push_back(absl::StrCat("config.json does not mention ",
                                     model.text.Path("sliding_window"),
                                     "; none is planned; transformers assumes ",
                                     family.doubtful_window, " there"));
}

absl::Status ReadDtype(const Model& model, ModelShape& shape) {
  for (const ConfigFields* fields : {&model.text, &model.root}) {
    for (const ConfigName name :
         {ConfigName("dtype"), ConfigName("torch_dtype")}) {
      GOVERNOR_ASSIGN_OR_RETURN(std::optional<absl::string_view> dtype,
                                fields->TextIfThere(name));
      if (!dtype || *dtype == "auto") continue;
      *dtype = absl::StripPrefix(*dtype, "torch.");
      if (*dtype != "bfloat16" && *dtype != "float16" && *dtype != "float32") {
        return fields->Wrong(name, "must be bfloat16, float16 or float32");
      }
      shape.compute_dtype = std::string(*dtype);
      return absl::OkStatus();
    }
  }
  shape.notes.push_back("the config has no dtype; bfloat16 is assumed");
  return absl::OkStatus();
}

absl::Status ReadTie(const Model& model, ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(
      const std::optional<bool> tied,
      model.With("tie_word_embeddings").FlagIfThere("tie_word_embeddings"));
  shape.head_is_tied = tied.value_or(false);
  return absl::OkStatus();
}

// Checkpoints may ask for a quantised KV cache; whoever plans one decides.
absl::Status NoteQuantization(const Model& model, ModelShape& shape) {
  const auto quantization =
      model.With("quantization_config").Object("quantization_config");
  if (!quantization) return absl::OkStatus();
  GOVERNOR_ASSIGN_OR_RETURN(const auto method,
                            quantization->TextIfThere("quant_method"));
  for (const ConfigName name :
       {ConfigName("kv_cache_scheme"), ConfigName("kv_cache_quant_algo")}) {
    if (!quantization->Has(name)) continue;
    shape.notes.push_back(absl::StrCat(
        quantization->Path(name), " is ", quantization->Describe(name),
        method ? absl::StrCat(" (", QuotedName(*method), ")") : "",
        ": the checkpoint asks for a quantised KV cache; give --kv-dtype "
        "to plan one"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ModelShape> ShapeOfConfig(const ByteSource& source,
                                         const ConfigOptions& options) {
  GOVERNOR_ASSIGN_OR_RETURN(const Config config, ReadConfig(source));
  const Model model = ModelOf(config);
  ModelShape shape;
  shape.has_weights = false;
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<absl::string_view> model_type,
                            model.With("model_type").TextIfThere("model_type"));
  if (!model_type && !options.assume_gqa) {
    return model.root.Missing("model_type");
  }
  GOVERNOR_ASSIGN_OR_RETURN(shape.architecture,
                            Architecture(model, model_type.value_or("")));
  GOVERNOR_ASSIGN_OR_RETURN(const auto name,
                            model.root.TextIfThere("_name_or_path"));
  // Some were saved with the path of a folder, which is no name.
  if (name && absl::string_view("/.~").find(name->substr(0, 1)) ==
                  absl::string_view::npos) {
    shape.name = std::string(*name);
  }
  GOVERNOR_ASSIGN_OR_RETURN(
      const ConfigFamily* family,
      FamilyOf(model, model_type.value_or(""), options, shape));
  GOVERNOR_RETURN_IF_ERROR(family->read(model.text, *family, shape));
  GOVERNOR_RETURN_IF_ERROR(ReadSizes(model, *family, shape));
  NoteDoubtfulWindow(model, *family, shape);
  GOVERNOR_RETURN_IF_ERROR(ReadDtype(model, shape));
  GOVERNOR_RETURN_IF_ERROR(ReadTie(model, shape));
  GOVERNOR_RETURN_IF_ERROR(NoteQuantization(model, shape));
  if (model.nested) {
    shape.notes.push_back(
        "only the language model keeps KV; towers for images or sound do not");
  }
  return shape;
}

}  // namespace governor
