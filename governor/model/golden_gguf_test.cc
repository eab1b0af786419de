// The headers of the golden models give the layers that their configurations
// describe. What those layers take in bytes is compared where engines are
// known; here only dimensions.
#include "governor/model/golden_gguf.h"

#include <map>
#include <string>
#include <vector>

#include "governor/model/byte_source.h"
#include "governor/model/gguf_shape.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using Kv = std::vector<KvSpec>;

AttentionHeads Heads(uint64_t query, uint64_t kv, uint64_t size) {
  return {.query_heads = query,
          .kv_heads = kv,
          .head_size_k = size,
          .head_size_v = size};
}

// `count` layers that repeat `group`.
std::vector<Kv> Repeat(const std::vector<Kv>& group, size_t count) {
  std::vector<Kv> all;
  for (size_t i = 0; i < count; ++i) all.push_back(group[i % group.size()]);
  return all;
}

// All `often`, but `seldom` in every `period`-th from `first` on.
std::vector<Kv> Mixed(const Kv& often, const Kv& seldom, size_t first,
                      size_t period, size_t count) {
  std::vector<Kv> all(count, often);
  for (size_t i = first; i < count; i += period) all[i] = seldom;
  return all;
}

// From the `config` of each golden, by hand.
std::map<std::string, std::vector<Kv>> Expected() {
  std::map<std::string, std::vector<Kv>> expected;
  expected["smollm2-135m"] = Repeat({{FullAttention{Heads(9, 3, 64)}}}, 30);

  Kv full = {FullAttention{Heads(32, 8, 128)}};
  Kv window = {SlidingWindow{Heads(32, 8, 128), 4096}};
  expected["command-r7b"] = Repeat({window, window, window, full}, 32);

  expected["deepseek-v2-lite"] = Repeat(
      {{LatentAttention{.query_heads = 16, .rank = 512, .rope_size = 64}}}, 27);

  full = {FullAttention{Heads(16, 8, 256)}};
  window = {SlidingWindow{Heads(16, 8, 256), 4096}};
  expected["gemma-2-9b"] = Repeat({window, full}, 42);

  full = {FullAttention{Heads(32, 16, 128)}};
  window = {SlidingWindow{Heads(32, 16, 128), 1024}};
  expected["gemma-3-27b-text"] =
      Repeat({window, window, window, window, window, full}, 62);

  full = {FullAttention{Heads(64, 8, 64)}};
  window = {SlidingWindow{Heads(64, 8, 64), 128}};
  expected["gpt-oss-20b"] = Repeat({window, full}, 24);

  full = {FullAttention{Heads(32, 8, 128)}};
  expected["granite-4.0-h-small"] = Mixed({Mamba2State{.heads = 128,
                                                       .head_size = 64,
                                                       .state_size = 128,
                                                       .groups = 1,
                                                       .conv_kernel = 4}},
                                          full, 5, 10, 40);
  expected["jamba-v0.1"] = Mixed(
      {Mamba1State{.inner_size = 8192, .state_size = 16, .conv_kernel = 4}},
      full, 4, 8, 32);

  full = {FullAttention{Heads(40, 8, 128)}};
  const Kv chunk = {ChunkedAttention{Heads(40, 8, 128), 8192}};
  expected["llama-4-scout-text"] = Repeat({chunk, chunk, chunk, full}, 48);

  expected["mamba2-2.7b"] = Repeat({{Mamba2State{.heads = 80,
                                                 .head_size = 64,
                                                 .state_size = 128,
                                                 .groups = 1,
                                                 .conv_kernel = 4}}},
                                   64);

  expected["qwen3-next-80b-a3b"] =
      Mixed({DeltaNetState{.key_heads = 16,
                           .value_heads = 32,
                           .key_head_size = 128,
                           .value_head_size = 128,
                           .conv_kernel = 4}},
            {FullAttention{Heads(16, 2, 256)}}, 3, 4, 48);
  return expected;
}

TEST(GoldenGgufTest, LayersAreThoseOfTheConfigurations) {
  const std::map<std::string, std::vector<Kv>> expected = Expected();
  EXPECT_EQ(expected.size(), GoldenGgufNames().size());
  for (const std::string& name : GoldenGgufNames()) {
    const std::string bytes = GoldenGguf(name);
    const absl::StatusOr<Gguf> gguf = ParseGguf(MemoryByteSource(bytes));
    ASSERT_TRUE(gguf.ok()) << name << ": " << gguf.status();
    const absl::StatusOr<ModelShape> shape = ShapeOfGguf(*gguf);
    ASSERT_TRUE(shape.ok()) << name << ": " << shape.status();
    EXPECT_TRUE(shape->draft_layers.empty()) << name;
    std::vector<Kv> kv;
    for (const LayerShape& layer : shape->layers) kv.push_back(layer.kv);
    ASSERT_TRUE(expected.count(name)) << name;
    EXPECT_TRUE(kv == expected.at(name)) << name;
  }
}

TEST(GoldenGgufTest, NamesMayBeCutShort) {
  EXPECT_EQ(GoldenGguf("jamba"), GoldenGguf("jamba-v0.1"));
  EXPECT_NE(GoldenGguf("gemma-2"), GoldenGguf("gemma-3"));
}

}  // namespace
}  // namespace governor
