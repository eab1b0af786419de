#include "governor/plan_report.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/policy/kv_dtype.h"

namespace governor {
namespace {

constexpr size_t kBarWidth = 60;

struct LayerToJson {
  nlohmann::ordered_json operator()(const AttentionHeads& layer) const {
    return {{"attention", "full"},
            {"query_heads", layer.query_heads},
            {"kv_heads", layer.kv_heads},
            {"head_size_k", layer.head_size_k},
            {"head_size_v", layer.head_size_v}};
  }
};

struct LayerToText {
  std::string operator()(const AttentionHeads& layer) const {
    return absl::StrCat(
        "full attention, ", layer.query_heads, " query heads, ", layer.kv_heads,
        " KV heads of ", layer.head_size_k,
        layer.head_size_v == layer.head_size_k
            ? std::string()
            : absl::StrCat(" (K) and ", layer.head_size_v, " (V)"));
  }
};

nlohmann::ordered_json ModelToJson(const Plan& plan, const ModelShape& model) {
  nlohmann::ordered_json json = {
      {"architecture", model.architecture},
      {"name", model.name},
      {"parameters", model.parameters},
      {"embedding_length", model.embedding_length},
      {"context_length", model.context_length},
      {"vocabulary_size", model.vocabulary_size},
      {"weights_bytes_by_dtype", nlohmann::ordered_json::object()},
      {"layers", nlohmann::ordered_json::array()}};
  for (const auto& [dtype, size] : model.weights_by_dtype) {
    json["weights_bytes_by_dtype"][dtype] = size.count();
  }
  for (size_t i = 0; i < model.layers.size(); ++i) {
    nlohmann::ordered_json layer =
        LayerToJson()(std::get<FullAttention>(model.layers[i].kv[0]).heads);
    layer["kv_bytes_per_token"] = plan.kv_per_token_by_layer[i].count();
    json["layers"].push_back(std::move(layer));
  }
  return json;
}

// One line of the table, and one stretch of the bar.
struct Part {
  char mark;
  absl::string_view label;
  Bytes size;
  std::string remark;
};

std::vector<Part> PartsOf(const Plan& plan) {
  std::vector<Part> parts = {
      {'W', "weights", plan.weights, ""},
      {'W', "  rounding", plan.weights_rounding, "to whole granules"},
      {'A', "activations", plan.activations, ""},
      {'U', "allowance", plan.allowance, "for what is not governed"},
      {'K', "KV cache", plan.kv,
       absl::StrCat(plan.num_blocks, " blocks of ", ToString(plan.block))}};
  if (plan.left) parts.push_back({'.', "left", *plan.left, ""});
  return parts;
}

// Cell by cell, the part that covers the cell's middle.
std::string Bar(const std::vector<Part>& parts) {
  double total = 0;
  for (const Part& part : parts) {
    total += static_cast<double>(part.size.count());
  }
  std::string bar;
  double end = 0;
  for (const Part& part : parts) {
    end += static_cast<double>(part.size.count());
    while (bar.size() < kBarWidth &&
           (static_cast<double>(bar.size()) + 0.5) / kBarWidth * total < end) {
      bar.push_back(part.mark);
    }
  }
  return bar;
}

std::string Line(absl::string_view label, Bytes size,
                 absl::string_view remark) {
  std::string line = absl::StrFormat("  %-12s %12s %18d B", label,
                                     ToString(size), size.count());
  if (!remark.empty()) absl::StrAppend(&line, "  ", remark);
  return line + "\n";
}

std::string ModelToText(const ModelShape& model) {
  // A name comes from a file: nothing in it may move the cursor.
  const std::string name = model.name.empty()
                               ? "a model without a name"
                               : absl::Utf8SafeCHexEscape(model.name);
  std::string text =
      absl::StrCat(name, ": ", model.architecture, ", ", model.parameters,
                   " parameters, context ", model.context_length, " tokens\n");
  // Neighbours that are alike share a line.
  for (size_t first = 0; first < model.layers.size();) {
    size_t end = first;
    while (end < model.layers.size() &&
           model.layers[end] == model.layers[first]) {
      ++end;
    }
    absl::StrAppend(
        &text, "  ", end - first, " layers: ",
        LayerToText()(std::get<FullAttention>(model.layers[first].kv[0]).heads),
        "\n");
    first = end;
  }
  std::string mix;
  for (const auto& [dtype, size] : model.weights_by_dtype) {
    absl::StrAppend(&mix, mix.empty() ? "" : ", ", dtype, " ", ToString(size));
  }
  return absl::StrCat(text, "  weights: ", mix, "\n");
}

std::string VerdictToText(const Plan& plan) {
  if (plan.fits) {
    return absl::StrFormat(
        "fits: %d tokens, %.2f sequences of %d tokens at once\n",
        plan.max_tokens, plan.max_concurrency, plan.max_model_len);
  }
  std::string text =
      absl::StrCat("does not fit: ", plan.shortfall->reason, "\n");
  for (const std::string& remedy : plan.shortfall->remedies) {
    absl::StrAppend(&text, "  or ", remedy, "\n");
  }
  return text;
}

}  // namespace

nlohmann::ordered_json ToJson(const Plan& plan, const ModelShape& model) {
  nlohmann::ordered_json json;
  const auto add_known = [&json](const char* key, std::optional<Bytes> size) {
    if (size) json[key] = size->count();
  };
  json["model"] = ModelToJson(plan, model);
  add_known("budget_bytes", plan.budget);
  add_known("os_reserve_bytes", plan.os_reserve);
  json["weights_bytes"] = plan.weights.count();
  json["activation_bytes"] = plan.activations.count();
  json["allowance_bytes"] = plan.allowance.count();
  json["kv_bytes_per_token"] = plan.kv_per_token.count();
  json["kv_bytes_per_sequence"] = plan.kv_per_sequence.count();
  json["block_tokens"] = plan.block_tokens;
  json["block_bytes"] = plan.block.count();
  json["num_blocks"] = plan.num_blocks;
  json["kv_bytes"] = plan.kv.count();
  json["max_tokens"] = plan.max_tokens;
  json["max_concurrency"] = plan.max_concurrency;
  add_known("left_bytes", plan.left);
  json["fits"] = plan.fits;
  json["notes"] = plan.notes;
  if (plan.shortfall) {
    json["notes"].push_back(
        absl::StrCat("Does not fit: ", plan.shortfall->reason, "."));
    for (const std::string& remedy : plan.shortfall->remedies) {
      json["notes"].push_back(absl::StrCat("To make it fit: ", remedy, "."));
    }
  }
  return json;
}

std::string ToText(const Plan& plan, const ModelShape& model) {
  std::string text = ModelToText(model);
  if (plan.os_reserve) {
    absl::StrAppend(&text, Line("OS reserve", *plan.os_reserve,
                                "kept back before the budget"));
  }
  if (plan.budget) absl::StrAppend(&text, Line("budget", *plan.budget, ""));
  const std::vector<Part> parts = PartsOf(plan);
  for (const Part& part : parts) {
    absl::StrAppend(&text, Line(part.label, part.size, part.remark));
  }
  absl::StrAppend(&text, "  [", Bar(parts),
                  "]  W weights, A activations, U allowance, K KV cache\n",
                  VerdictToText(plan));
  for (const std::string& note : plan.notes) {
    absl::StrAppend(&text, "note: ", note, "\n");
  }
  return text;
}

}  // namespace governor
