#include "governor/model/golden_gguf.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "governor/model/gguf_writer.h"

namespace governor {
namespace {

using Fields = std::vector<std::pair<std::string, uint32_t>>;

struct Golden {
  std::string name;
  std::string architecture;
  Fields fields;
  std::vector<uint32_t> kv_heads;  // one for each layer; empty: in `fields`
};

// `kv_heads` in every `period`-th layer from `first` on, else none.
std::vector<uint32_t> Every(uint32_t layers, uint32_t first, uint32_t period,
                            uint32_t kv_heads) {
  std::vector<uint32_t> all(layers, 0);
  for (uint32_t i = first; i < layers; i += period) all[i] = kv_heads;
  return all;
}

Fields Common(uint32_t layers, uint32_t embedding, uint32_t context,
              uint32_t vocabulary) {
  return {{"block_count", layers},
          {"embedding_length", embedding},
          {"context_length", context},
          {"vocab_size", vocabulary}};
}

Fields operator+(Fields fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

Fields Heads(uint32_t query, uint32_t kv) {
  return {{"attention.head_count", query}, {"attention.head_count_kv", kv}};
}

Fields HeadSize(uint32_t size) {
  return {{"attention.key_length", size}, {"attention.value_length", size}};
}

Fields Window(uint32_t tokens) {
  return {{"attention.sliding_window", tokens}};
}

Fields State(uint32_t conv_kernel, uint32_t inner_size, uint32_t state_size,
             uint32_t time_step_rank) {
  return {{"ssm.conv_kernel", conv_kernel},
          {"ssm.inner_size", inner_size},
          {"ssm.state_size", state_size},
          {"ssm.time_step_rank", time_step_rank}};
}

Fields Groups(uint32_t groups) { return {{"ssm.group_count", groups}}; }

std::vector<Golden> Goldens() {
  return {
      {"smollm2-135m", "llama", Common(30, 576, 8192, 49152) + Heads(9, 3), {}},
      {"command-r7b",
       "cohere2",
       Common(32, 4096, 132096, 256000) + Heads(32, 8) + HeadSize(128) +
           Window(4096),
       {}},
      {"deepseek-v2-lite",
       "deepseek2",
       Common(27, 2048, 163840, 102400) + Heads(16, 1) +
           Fields{{"attention.kv_lora_rank", 512},
                  {"attention.key_length", 512 + 64},
                  {"attention.value_length", 512},
                  {"attention.key_length_mla", 128 + 64},
                  {"attention.value_length_mla", 128},
                  {"rope.dimension_count", 64}},
       {}},
      {"gemma-2-9b",
       "gemma2",
       Common(42, 3584, 8192, 256000) + Heads(16, 8) + HeadSize(256) +
           Window(4096),
       {}},
      {"gemma-3-27b-text",
       "gemma3",
       Common(62, 5376, 131072, 262144) + Heads(32, 16) + HeadSize(128) +
           Window(1024),
       {}},
      {"gpt-oss-20b",
       "gpt-oss",
       Common(24, 2880, 131072, 201088) + Heads(64, 8) + HeadSize(64) +
           Window(128),
       {}},
      {"granite-4.0-h-small", "granitehybrid",
       Common(40, 4096, 131072, 100352) + Fields{{"attention.head_count", 32}} +
           State(4, 2 * 4096, 128, 128) + Groups(1),
       Every(40, 5, 10, 8)},
      {"jamba-v0.1", "jamba",
       Common(32, 4096, 262144, 65536) + Fields{{"attention.head_count", 32}} +
           State(4, 2 * 4096, 16, 4096 / 16),
       Every(32, 4, 8, 8)},
      {"llama-4-scout-text",
       "llama4",
       Common(48, 5120, 10485760, 202048) + Heads(40, 8) + HeadSize(128),
       {}},
      {"mamba2-2.7b",
       "mamba2",
       Common(64, 2560, 1048576, 50288) + Fields{{"attention.head_count", 0}} +
           State(4, 2 * 2560, 128, 80) + Groups(1),
       {}},
      {"qwen3-next-80b-a3b",
       "qwen3next",
       Common(48, 2048, 262144, 151936) + Heads(16, 2) + HeadSize(256) +
           State(4, 32 * 128, 128, 32) + Groups(16) +
           Fields{{"full_attention_interval", 4}},
       {}},
  };
}

std::string Write(const Golden& golden) {
  GgufWriter writer;
  writer.SetString("general.architecture", golden.architecture)
      .SetString("general.name", golden.name);
  uint32_t layers = 0;
  uint32_t embedding = 0;
  for (const auto& [field, value] : golden.fields) {
    writer.SetU32(absl::StrCat(golden.architecture, ".", field), value);
    if (field == "block_count") layers = value;
    if (field == "embedding_length") embedding = value;
  }
  if (!golden.kv_heads.empty()) {
    writer.SetU32s(
        absl::StrCat(golden.architecture, ".attention.head_count_kv"),
        golden.kv_heads);
  }
  for (uint32_t i = 0; i < layers; ++i) {
    writer.Add({absl::StrCat("blk.", i, ".attn_norm.weight"), {embedding}});
  }
  return writer.Write();
}

}  // namespace

std::vector<std::string> GoldenGgufNames() {
  std::vector<std::string> names;
  for (const Golden& golden : Goldens()) names.push_back(golden.name);
  return names;
}

std::string GoldenGguf(absl::string_view model) {
  for (const Golden& golden : Goldens()) {
    if (absl::StartsWith(golden.name, model)) return Write(golden);
  }
  std::fprintf(stderr, "no golden GGUF is named '%s'\n",
               std::string(model).c_str());
  std::abort();
}

}  // namespace governor
