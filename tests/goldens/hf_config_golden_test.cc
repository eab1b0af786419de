// Each config of vllm_layers.jsonl, read by us: what every layer keeps against
// what vLLM's own model code made of the same config, in kind, number, first
// layer and dimensions.
#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/model/byte_source.h"
#include "governor/model/hf_config.h"
#include "governor/model/kv_spec.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using Json = nlohmann::json;

// A spec of vLLM's without its number of layers, and the layers that have it.
using Specs = std::map<std::string, std::vector<uint64_t>>;

std::vector<Json> Lines() {
  std::ifstream in("tests/goldens/vllm_layers.jsonl");
  std::vector<Json> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(Json::parse(line));
  }
  return lines;
}

Json HeadsSpec(const char* type, const AttentionHeads& heads) {
  return {{"type", type},
          {"num_kv_heads", heads.kv_heads},
          {"head_size", heads.head_size_k},
          {"head_size_v", heads.head_size_v}};
}

Json LatentSpec(const char* type, uint64_t head_size) {
  return {{"type", type}, {"num_kv_heads", 1}, {"head_size", head_size}};
}

Json StateSpec(uint64_t kernel, uint64_t channels, Json state) {
  return {{"type", "MambaSpec"},
          {"state_shapes", {{kernel - 1, channels}, std::move(state)}}};
}

// vLLM's names for one of our specs; several for what it keeps as several.
struct InVllm {
  // vLLM counts one token more in Cohere 2's windows.
  bool cohere2 = false;

  std::vector<Json> operator()(const FullAttention& full) const {
    return {HeadsSpec("FullAttentionSpec", full.heads)};
  }
  std::vector<Json> operator()(const SlidingWindow& sliding) const {
    Json spec = HeadsSpec("SlidingWindowSpec", sliding.heads);
    spec["sliding_window"] = sliding.window + (cohere2 ? 1 : 0);
    return {spec};
  }
  std::vector<Json> operator()(const ChunkedAttention& chunked) const {
    Json spec = HeadsSpec("ChunkedLocalAttentionSpec", chunked.heads);
    spec["attention_chunk_size"] = chunked.chunk;
    return {spec};
  }
  std::vector<Json> operator()(const CrossAttention& cross) const {
    return {HeadsSpec("CrossAttentionSpec", cross.heads)};
  }
  std::vector<Json> operator()(const LatentAttention& latent) const {
    return {LatentSpec("MLAAttentionSpec", latent.rank + latent.rope_size)};
  }
  std::vector<Json> operator()(const SparseIndexer& indexer) const {
    const uint64_t scales =
        indexer.storage == SparseIndexer::Storage::kFp8WithScales
            ? indexer.head_size / 128 * 4
            : 0;
    return {LatentSpec("MLAAttentionSpec", indexer.head_size + scales)};
  }
  std::vector<Json> operator()(const CompressedLatent& latent) const {
    Json window = LatentSpec("SlidingWindowMLASpec", latent.head_size);
    window["sliding_window"] = latent.window;
    std::vector<Json> specs = {window};
    if (latent.compress_ratio == 0) return specs;
    specs.push_back(LatentSpec("MLAAttentionSpec", latent.head_size));
    if (latent.index_head_size > 0) {
      specs.push_back(LatentSpec(
          "MLAAttentionSpec",
          latent.index_head_size + latent.index_head_size / 128 * 4));
    }
    for (size_t i = 1; i < specs.size(); ++i) {
      specs[i]["tokens_per_state"] = latent.compress_ratio;
    }
    return specs;
  }
  std::vector<Json> operator()(const Mamba1State& state) const {
    return {StateSpec(state.conv_kernel, state.inner_size,
                      {state.inner_size, state.state_size})};
  }
  std::vector<Json> operator()(const Mamba2State& state) const {
    return {StateSpec(
        state.conv_kernel,
        state.heads * state.head_size + 2 * state.groups * state.state_size,
        {state.heads, state.head_size, state.state_size})};
  }
  std::vector<Json> operator()(const DeltaNetState& state) const {
    return {StateSpec(
        state.conv_kernel,
        2 * state.key_heads * state.key_head_size +
            state.value_heads * state.value_head_size,
        {state.value_heads, state.value_head_size, state.key_head_size})};
  }
  std::vector<Json> operator()(const KimiDeltaState& state) const {
    return {StateSpec(state.conv_kernel, 3 * state.heads * state.head_size,
                      {state.heads, state.head_size, state.head_size})};
  }
};

Specs Ours(const ModelShape& shape) {
  const InVllm visitor = {shape.architecture == "Cohere2ForCausalLM"};
  Specs specs;
  for (size_t i = 0; i < shape.layers.size(); ++i) {
    for (const KvSpec& kept : shape.layers[i].kv) {
      for (const Json& spec : std::visit(visitor, kept)) {
        specs[spec.dump()].push_back(i);
      }
    }
  }
  return specs;
}

// vLLM writes two rows for one spec where only its alignment differs.
std::map<std::string, std::pair<uint64_t, uint64_t>> Theirs(const Json& line) {
  std::map<std::string, std::pair<uint64_t, uint64_t>> specs;
  for (Json spec : line.at("specs")) {
    const uint64_t count = spec.at("layers");
    const uint64_t first = spec.at("first");
    spec.erase("layers");
    spec.erase("first");
    auto [found, is_new] = specs.try_emplace(spec.dump(), 0, first);
    found->second.first += count;
    found->second.second = std::min(found->second.second, first);
  }
  return specs;
}

absl::StatusOr<ModelShape> Read(const Json& config) {
  const std::string text = config.dump();
  return ShapeOfConfig(MemoryByteSource(text), {});
}

void ExpectAgree(const Json& line, const ModelShape& shape) {
  const Specs ours = Ours(shape);
  const auto theirs = Theirs(line);
  for (const auto& [spec, layers] : ours) {
    EXPECT_EQ(theirs.count(spec), 1u) << "only here: " << spec;
  }
  for (const auto& [spec, layers] : theirs) {
    const auto found = ours.find(spec);
    if (found == ours.end()) {
      ADD_FAILURE() << "only in vLLM: " << spec;
      continue;
    }
    EXPECT_EQ(found->second.size(), layers.first) << spec;
    // vLLM numbers Falcon-H1's mixers behind its layers.
    const uint64_t first = layers.second % shape.layers.size();
    EXPECT_EQ(found->second.front(), first) << spec;
  }
}

TEST(HfConfigGoldenTest, EveryLayerKeepsWhatVllmMakesOfIt) {
  std::set<std::string> names;
  for (const Json& line : Lines()) {
    SCOPED_TRACE(line.at("name").get<std::string>());
    names.insert(line.at("name").get<std::string>());
    const absl::StatusOr<ModelShape> shape = Read(line.at("config"));
    ASSERT_TRUE(shape.ok()) << shape.status();
    ExpectAgree(line, *shape);
    const Json& config = line.at("config");
    EXPECT_EQ(shape->architecture, config.at("architectures")[0]);
    EXPECT_EQ(shape->vocabulary_size, config.at("vocab_size"));
    EXPECT_FALSE(shape->has_weights);
  }
  EXPECT_EQ(names.size(), 47u);
}

TEST(HfConfigGoldenTest, FieldsUnderTextConfigAreAsGoodAsAtTheTop) {
  int nested = 0;
  for (const Json& line : Lines()) {
    if (line.at("nested_under").is_null()) continue;
    SCOPED_TRACE(line.at("name").get<std::string>());
    ++nested;
    Json text = line.at("config");
    Json config = {{"architectures", text.at("architectures")},
                   {"model_type", "a_tower_and_text"}};
    text.erase("architectures");
    config[line.at("nested_under").get<std::string>()] = text;
    const absl::StatusOr<ModelShape> shape = Read(config);
    ASSERT_TRUE(shape.ok()) << shape.status();
    ExpectAgree(line, *shape);
    EXPECT_EQ(shape->layers, Read(line.at("config"))->layers);
  }
  EXPECT_EQ(nested, 5);
}

}  // namespace
}  // namespace governor
