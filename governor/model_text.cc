#include "governor/model_text.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "governor/base/bytes.h"
#include "governor/kv_spec_text.h"
#include "governor/printable.h"

namespace governor {
namespace {

constexpr size_t kMaxKinds = 8;
constexpr size_t kMaxDtypes = 6;

// `8.03B`, `134.52M`: as models are named.
std::string Rounded(uint64_t count) {
  const double value = static_cast<double>(count);
  if (value >= 1e12) return absl::StrFormat("%.2fT", value / 1e12);
  if (value >= 1e9) return absl::StrFormat("%.2fB", value / 1e9);
  if (value >= 1e6) return absl::StrFormat("%.2fM", value / 1e6);
  return absl::StrCat(count);
}

std::string Headline(const ModelShape& model) {
  std::string text = model.name.empty()
                         ? absl::StrCat("a model without a name: ",
                                        Printable(model.architecture))
                         : absl::StrCat(Printable(model.name), ": ",
                                        Printable(model.architecture));
  if (model.parameters != 0) {
    absl::StrAppend(&text, ", ", Rounded(model.parameters), " parameters");
  }
  if (model.experts != 0) {
    absl::StrAppend(&text, ", ", model.experts, " experts (",
                    model.experts_per_token, " for each token)");
  }
  absl::StrAppend(&text, ", context ", model.context_length, " tokens\n");
  return text;
}

std::string Layers(uint64_t count) {
  return absl::StrCat(count, count == 1 ? " layer" : " layers");
}

// Each kind with the number of its layers, in the order in which they appear.
std::string LayersToText(const ModelShape& model) {
  std::vector<std::pair<const std::vector<KvSpec>*, uint64_t>> kinds;
  uint64_t others = 0;
  for (const LayerShape& layer : model.layers) {
    const auto same =
        std::find_if(kinds.begin(), kinds.end(),
                     [&](const auto& kind) { return *kind.first == layer.kv; });
    if (same != kinds.end()) {
      ++same->second;
    } else if (kinds.size() < kMaxKinds) {
      kinds.emplace_back(&layer.kv, 1);
    } else {
      ++others;
    }
  }
  std::string text;
  for (const auto& [kv, count] : kinds) {
    absl::StrAppend(&text, "  ", Layers(count), ": ", ToText(*kv), "\n");
  }
  if (others != 0) {
    absl::StrAppend(&text, "  ", Layers(others), " of other kinds\n");
  }
  if (!model.draft_layers.empty()) {
    absl::StrAppend(&text, "  ", Layers(model.draft_layers.size()),
                    " more that draft tokens\n");
  }
  return text;
}

std::string WeightsToText(const ModelShape& model, bool weights_given) {
  if (!model.has_weights) return "  weights: none in the files\n";
  if (weights_given)
    return "  weights: given, those in the files not counted\n";
  std::vector<std::pair<Bytes, std::string>> mix;
  for (const auto& [dtype, size] : model.weights_by_dtype) {
    mix.emplace_back(size, dtype);
  }
  std::stable_sort(mix.begin(), mix.end(), [](const auto& a, const auto& b) {
    return a.first > b.first;
  });
  std::string text = absl::StrCat("  weights: ", ToString(model.weights));
  for (size_t i = 0; i < std::min(mix.size(), kMaxDtypes); ++i) {
    absl::StrAppend(&text, i == 0 ? " (" : ", ", Printable(mix[i].second), " ",
                    ToString(mix[i].first));
  }
  if (mix.size() > kMaxDtypes) {
    absl::StrAppend(&text, ", ", mix.size() - kMaxDtypes, " other dtypes");
  }
  return absl::StrCat(text, mix.empty() ? "\n" : ")\n");
}

}  // namespace

std::string ToText(const ModelShape& model, bool weights_given) {
  return absl::StrCat(Headline(model), LayersToText(model),
                      WeightsToText(model, weights_given));
}

std::string NameOf(const ModelShape& model) {
  return Printable(model.name.empty() ? model.architecture : model.name);
}

}  // namespace governor
