#include "governor/model/hostile_config.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/model/config_names.h"
#include "governor/model/config_text.h"

namespace governor {
namespace {

std::string Repeat(const std::string& text, size_t count) {
  std::string result;
  result.reserve(text.size() * count);
  for (size_t i = 0; i < count; ++i) result += text;
  return result;
}

std::string ArrayOf(const std::string& element, size_t count) {
  return absl::StrCat("[", Repeat(element + ",", count - 1), element, "]");
}

// A Llama with one field set.
std::string With(const std::string& name, const std::string& json) {
  return SmallConfig("llama", {{name, json}}).Write();
}

void AddText(std::vector<HostileConfig>& all) {
  all.push_back({"empty", "", "empty"});
  all.push_back({"space", "   ", ""});
  all.push_back({"number", "17", "no JSON object"});
  all.push_back({"string", "\"llama\"", "no JSON object"});
  all.push_back({"array", "[{\"model_type\": \"llama\"}]", "no JSON object"});
  all.push_back({"cut_short", "{\"model_type\": \"lla", ""});
  all.push_back({"two_objects", "{} {}", ""});
  all.push_back({"comma", "{\"model_type\": \"llama\",}", ""});
  all.push_back({"not_utf8", "{\"model_type\": \"\xC0\xAF\"}", ""});
  all.push_back({"nothing", "{}", "model_type"});
  all.push_back({"arrays_100000_deep", Repeat("[", 100'000), ""});
  all.push_back(
      {"objects_100000_deep", With("x", Repeat("{\"x\":", 100'000)), ""});
  all.push_back({"kept_objects_100000_deep",
                 With("text_config", Repeat("{\"text_config\":", 100'000)),
                 ""});
  all.push_back({"twice",
                 "{\"model_type\": \"llama\", \"model_type\": \"gpt2\"}",
                 "model_type is there twice"});
  all.push_back({"twice_nested",
                 With("text_config", "{\"head_dim\": 1, \"head_dim\": 1}"),
                 "text_config.head_dim is there twice"});
  all.push_back({"twice_null", "{\"dtype\": null, \"dtype\": null}", "dtype"});
  all.push_back(
      {"too_large", "{\"x\": \"" + Repeat(" ", 4 << 20) + "\"}", "4194304"});
}

void AddValues(std::vector<HostileConfig>& all) {
  const std::pair<const char*, const char*> wrong[] = {
      {"zero", "0"},
      {"negative", "-3"},
      {"fraction", "1.5"},
      {"whole_double", "4.0"},
      {"text", "\"4\""},
      {"flag", "true"},
      {"array", "[4]"},
      {"object", "{}"},
      {"2_63", "9223372036854775808"},
      {"2_64", "18446744073709551616"},
      {"exponent", "4e0"},
      {"beyond_double", "1e309"},
  };
  for (const auto& [name, json] : wrong) {
    // Not JSON to some readers, and so refused without the field's name.
    const bool is_number = std::string(name) != "beyond_double";
    for (const char* field :
         {"num_hidden_layers", "num_attention_heads", "num_key_value_heads",
          "head_dim", "sliding_window"}) {
      all.push_back({absl::StrCat(field, "_", name), With(field, json),
                     is_number ? field : ""});
    }
  }
  for (const char* field : {"num_hidden_layers", "num_attention_heads"}) {
    all.push_back({absl::StrCat(field, "_null"), With(field, "null"), field});
  }
  all.push_back({"layers_4097", With("num_hidden_layers", "4097"), "4096"});
  all.push_back({"head_size_above_2_32", With("head_dim", "4294967297"),
                 "head_dim is 4294967297"});
  all.push_back({"heads_do_not_divide", With("num_key_value_heads", "3"),
                 "num_key_value_heads"});
  all.push_back({"more_kv_heads", With("num_key_value_heads", "8"),
                 "num_key_value_heads"});
  all.push_back(
      {"hidden_no_multiple", With("hidden_size", "65"), "hidden_size"});
  all.push_back(
      {"vocabulary_negative", With("vocab_size", "-1"), "vocab_size is -1"});
  all.push_back({"context_text", With("max_position_embeddings", "\"long\""),
                 "max_position_embeddings is 'long'"});
  all.push_back({"dtype_unknown", With("torch_dtype", "\"int3\""),
                 "torch_dtype is 'int3'"});
  all.push_back({"dtype_number", With("dtype", "16"), "dtype is 16"});
  all.push_back(
      {"model_type_number", With("model_type", "7"), "model_type is 7"});
  all.push_back({"architectures_text", With("architectures", "\"One\""),
                 "architectures is 'One'"});
  all.push_back({"architectures_numbers", With("architectures", "[1]"),
                 "architectures[0] is 1"});
  all.push_back({"use_window_text", With("use_sliding_window", "\"yes\""),
                 "use_sliding_window"});
}

void AddArrays(std::vector<HostileConfig>& all) {
  const std::string full = "\"full_attention\"";
  all.push_back({"layer_types_short", With("layer_types", ArrayOf(full, 3)),
                 "layer_types has 3"});
  all.push_back({"layer_types_long", With("layer_types", ArrayOf(full, 5)),
                 "layer_types has 5"});
  all.push_back(
      {"layer_types_empty", With("layer_types", "[]"), "layer_types has 0"});
  all.push_back(
      {"layer_types_unknown", With("layer_types", ArrayOf("\"quadratic\"", 4)),
       "layer_types[0] is 'quadratic'", absl::StatusCode::kUnimplemented});
  all.push_back({"layer_types_numbers", With("layer_types", ArrayOf("1", 4)),
                 "layer_types[0] is 1"});
  all.push_back({"layer_types_nested", With("layer_types", ArrayOf("[]", 4)),
                 "layer_types"});
  all.push_back({"layer_types_objects", With("layer_types", ArrayOf("{}", 4)),
                 "layer_types"});
  all.push_back({"layer_types_slide_without_window",
                 With("layer_types", ArrayOf("\"sliding_attention\"", 4)),
                 "sliding_window"});
  all.push_back(
      {"array_of_4097", With("layer_types", ArrayOf(full, 4097)), "4096"});
  all.push_back({"array_of_a_million",
                 With("layer_types", ArrayOf("1", 1'000'000)), "4096"});
  all.push_back({"arrays_of_8193",
                 SmallConfig("llama", {{"layer_types", ArrayOf("1", 4096)},
                                       {"kda_layers", ArrayOf("1", 4096)},
                                       {"no_rope_layers", "[1]"}})
                     .Write(),
                 "8192"});
  all.push_back({"text_of_4097",
                 With("model_type", "\"" + Repeat("m", 4097) + "\""), "4096"});
  std::string texts = "[\"\"";
  for (int i = 0; i < 600; ++i) absl::StrAppend(&texts, ",\"", i, "\"");
  all.push_back({"texts_513", With("layer_types", texts + "]"), "512"});
  std::string fields;
  for (int i = 0; i < 30'000; ++i) {
    absl::StrAppend(&fields, "\"u", i, "\":{\"n_head\":[1]},");
  }
  all.push_back(
      {"skipped_fields_then_none", "{" + fields + "\"end\": 0}", "model_type"});
}

void AddObjects(std::vector<HostileConfig>& all) {
  // Every kept name holds an object with every kept name.
  std::string inner = "{";
  for (const absl::string_view name : kConfigNames) {
    absl::StrAppend(&inner, inner.size() > 1 ? "," : "", "\"", name, "\":0");
  }
  inner += "}";
  std::string outer = "{";
  for (const absl::string_view name : kConfigNames) {
    absl::StrAppend(&outer, outer.size() > 1 ? "," : "", "\"", name,
                    "\":", inner);
  }
  all.push_back({"fields_1025", outer + "}", "1024"});
  std::string objects = "{";
  for (const absl::string_view name : kConfigNames) {
    absl::StrAppend(&objects, objects.size() > 1 ? "," : "", "\"", name,
                    "\":{}");
  }
  all.push_back({"objects_65", objects + "}", "64"});
  all.push_back({"text_config_negative",
                 With("text_config",
                      "{\"model_type\": \"llama\", \"num_hidden_layers\": -4}"),
                 "text_config.num_hidden_layers is -4"});
}

}  // namespace

std::vector<HostileConfig> HostileConfigs() {
  std::vector<HostileConfig> all;
  AddText(all);
  AddValues(all);
  AddArrays(all);
  AddObjects(all);
  return all;
}

}  // namespace governor
