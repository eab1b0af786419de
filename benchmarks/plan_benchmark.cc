// A plan from parsed shapes: what an engine pays to ask again and again.

#include <cstdint>

#include "benchmark/benchmark.h"
#include "governor/policy/kv_planner.h"
#include "governor/policy/plan_advice.h"

namespace governor {
namespace {

AttentionHeads Heads(uint64_t kv_heads, uint64_t head_size) {
  return {.query_heads = kv_heads * 8,
          .kv_heads = kv_heads,
          .head_size_k = head_size,
          .head_size_v = head_size};
}

// 126 layers of full attention, as Llama 3.1 405B.
ModelShape Uniform() {
  ModelShape model;
  model.weights = GiB(200);
  model.parameters = 405'000'000'000;
  model.context_length = 131'072;
  model.layers.assign(126, {.kv = {FullAttention{Heads(8, 128)}}});
  return model;
}

// 62 layers of which every sixth is full, as Gemma 3 27B.
ModelShape Windows() {
  ModelShape model = Uniform();
  model.layers.resize(62);
  for (size_t i = 0; i < model.layers.size(); ++i) {
    if (i % 6 != 5) model.layers[i].kv = {SlidingWindow{Heads(16, 128), 1024}};
  }
  return model;
}

// 60 layers of which every fourth is attention, as Qwen3.5 397B.
ModelShape Hybrid() {
  ModelShape model = Uniform();
  model.layers.resize(60);
  for (size_t i = 0; i < model.layers.size(); ++i) {
    if (i % 4 == 3) {
      model.layers[i].kv = {FullAttention{Heads(2, 256)}};
    } else {
      model.layers[i].kv = {DeltaNetState{.key_heads = 16,
                                          .value_heads = 64,
                                          .key_head_size = 128,
                                          .value_head_size = 128,
                                          .conv_kernel = 4,
                                          .dtype = StateDtype::kFloat32}};
    }
  }
  return model;
}

void Run(benchmark::State& state, const ModelShape& model,
         const PlanRequest& request) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(PlanKv(model, request).value());
  }
}

void BM_PlanUniform(benchmark::State& state) {
  Run(state, Uniform(), {.budget = GiB(300)});
}
BENCHMARK(BM_PlanUniform)->Unit(benchmark::kMicrosecond);

void BM_PlanWindows(benchmark::State& state) {
  Run(state, Windows(), {.budget = GiB(300)});
}
BENCHMARK(BM_PlanWindows)->Unit(benchmark::kMicrosecond);

void BM_PlanHybrid(benchmark::State& state) {
  Run(state, Hybrid(), {.budget = GiB(300)});
}
BENCHMARK(BM_PlanHybrid)->Unit(benchmark::kMicrosecond);

void BM_PlanThatDoesNotFit(benchmark::State& state) {
  Run(state, Uniform(), {.budget = GiB(100)});
}
BENCHMARK(BM_PlanThatDoesNotFit)->Unit(benchmark::kMicrosecond);

// The inverse questions plan some hundred times.
void BM_Advice(benchmark::State& state) {
  const ModelShape model = Uniform();
  const PlanRequest request = {.budget = GiB(300)};
  const Plan plan = PlanKv(model, request).value();
  for (auto _ : state) {
    benchmark::DoNotOptimize(AdviceOn(plan, model, request));
  }
}
BENCHMARK(BM_Advice)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace governor
