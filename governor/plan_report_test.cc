#include "governor/plan_report.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "governor/base/bytes.h"
#include "governor/policy/kv_planner.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// As its GGUF file says (Q4_1).
ModelShape SmolLm2() {
  ModelShape model;
  model.architecture = "llama";
  model.name = "SmolLM2 135M";
  model.parameters = 134'515'008;
  model.weights = Bytes(96'576'768);
  model.outer.embedding = Bytes(96'576'768);
  model.weights_by_dtype = {{"Q4_1", Bytes(66'355'200)},
                            {"Q8_0", Bytes(30'081'024)},
                            {"F32", Bytes(140'544)}};
  LayerShape layer;
  layer.kv = {FullAttention{
      {.query_heads = 9, .kv_heads = 3, .head_size_k = 64, .head_size_v = 64}}};
  model.layers.assign(30, layer);
  model.embedding_length = 576;
  model.context_length = 8192;
  model.vocabulary_size = 49152;
  return model;
}

// A plan and what it was made of.
struct Case {
  explicit Case(ModelShape shape) : model(std::move(shape)) {}

  Case& Make() {
    plan = PlanKv(model, request).value();
    advice = AdviceOn(plan, model, request);
    return *this;
  }
  nlohmann::ordered_json Json() const {
    return ToJson(plan, advice, model, request, flags);
  }
  std::string Text() const {
    return ToText(plan, advice, model, request, flags);
  }

  ModelShape model;
  PlanRequest request;
  Plan plan;
  PlanAdvice advice;
  std::vector<std::string> flags;
};

Case InTwoGiB() {
  Case made(SmolLm2());
  made.request.budget = GiB(2);
  return made.Make();
}

std::set<std::string> Keys(const nlohmann::ordered_json& json) {
  std::set<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.insert(key);
  return keys;
}

uint64_t Number(const nlohmann::ordered_json& json, const char* key) {
  return json.at(key).get<uint64_t>();
}

TEST(PlanJsonTest, HasTheAgreedKeysAndNoOther) {
  const std::set<std::string> always = {"model",
                                        "engine",
                                        "platform",
                                        "compute_capability",
                                        "weights_bytes",
                                        "weights_rounding_bytes",
                                        "draft_weights_bytes",
                                        "activation_bytes",
                                        "graph_bytes",
                                        "adapter_bytes",
                                        "allowance_bytes",
                                        "kv_dtype",
                                        "kv_bytes_per_token",
                                        "kv_bytes_per_sequence",
                                        "block_tokens",
                                        "block_bytes",
                                        "num_blocks",
                                        "kv_bytes",
                                        "blocks_per_sequence",
                                        "required_blocks",
                                        "groups",
                                        "max_tokens",
                                        "max_model_len",
                                        "max_seqs",
                                        "max_concurrency",
                                        "fits",
                                        "changes",
                                        "per_rank",
                                        "notes"};
  Case made(SmolLm2());
  made.request.kv_memory = GiB(1);
  made.Make();
  made.advice = PlanAdvice();
  EXPECT_EQ(Keys(made.Json()), always);

  // What is known only sometimes.
  made.request.budget = MiB(100);
  made.request.os_reserve = GiB(8);
  made.request.bandwidth = 273e9;
  made.request.profile = "p";
  made.request.device_memory = GiB(8);
  made.Make();
  ASSERT_FALSE(made.plan.fits);
  made.plan.shortfall->missing = Bytes(7);
  made.advice.smallest_budget = made.advice.smallest_kv_memory =
      made.advice.largest_weights = Bytes(1);
  made.advice.longest_model_len = made.advice.most_seqs = 1;
  made.flags = {"--flag"};
  std::set<std::string> all = always;
  all.insert({"profile", "device_memory_bytes", "integrated", "budget_bytes",
              "os_reserve_bytes", "left_bytes", "missing_bytes",
              "decode_tokens_per_second_bound", "smallest_budget_bytes",
              "smallest_kv_memory_bytes", "longest_model_len", "most_seqs",
              "largest_weights_bytes", "engine_flags"});
  EXPECT_EQ(Keys(made.Json()), all);
  EXPECT_EQ(Keys(made.Json()["model"]),
            (std::set<std::string>{
                "architecture", "name", "parameters", "embedding_length",
                "context_length", "vocabulary_size", "compute_dtype", "experts",
                "experts_per_token", "has_weights", "weights_bytes_by_dtype",
                "layers", "draft_layers"}));
  EXPECT_EQ(
      Keys(made.Json()["groups"][0]),
      (std::set<std::string>{"kind", "caches", "block_tokens", "page_bytes",
                             "padding_bytes", "blocks_per_sequence"}));
  EXPECT_EQ(Keys(made.Json()["per_rank"][0]),
            (std::set<std::string>{"rank", "stage", "first_layer", "layers",
                                   "weights_bytes", "weights_rounding_bytes",
                                   "activation_bytes", "graph_bytes",
                                   "adapter_bytes", "allowance_bytes",
                                   "block_bytes", "kv_bytes", "left_bytes"}));
}

// 364 blocks: vLLM 0.32.0 with VLLM_CPU_KVCACHE_SPACE=1 and blocks of 128.
TEST(PlanJsonTest, LeavesOutWhatIsNotKnown) {
  Case made(SmolLm2());
  made.request.kv_memory = GiB(1);
  made.request.layout.block_tokens = 128;
  const nlohmann::ordered_json json = made.Make().Json();
  EXPECT_FALSE(json.contains("budget_bytes"));
  EXPECT_FALSE(json.contains("left_bytes"));
  EXPECT_FALSE(json.contains("os_reserve_bytes"));
  EXPECT_FALSE(json.contains("missing_bytes"));
  EXPECT_EQ(json["num_blocks"], 364);
}

TEST(PlanJsonTest, BytesOfARankAreIntegersAndAddUp) {
  Case made(SmolLm2());
  made.request.budget = GiB(2);
  made.request.activations = MiB(10);
  made.request.graphs = MiB(20);
  made.request.adapters = MiB(30);
  const nlohmann::ordered_json rank = made.Make().Json()["per_rank"][0];
  EXPECT_EQ(Number(rank, "weights_bytes") +
                made.plan.gate().weights_rounding.count() +
                Number(rank, "activation_bytes") + Number(rank, "graph_bytes") +
                Number(rank, "adapter_bytes") +
                Number(rank, "allowance_bytes") + Number(rank, "kv_bytes") +
                Number(rank, "left_bytes"),
            GiB(2).count());
  EXPECT_EQ(Number(rank, "graph_bytes"), MiB(20).count());
  EXPECT_EQ(Number(made.Json(), "adapter_bytes"), MiB(30).count());
}

TEST(PlanJsonTest, DescribesEachLayer) {
  const nlohmann::ordered_json json = InTwoGiB().Json()["model"];
  EXPECT_EQ(json["architecture"], "llama");
  EXPECT_EQ(json["parameters"], 134'515'008);
  ASSERT_EQ(json["layers"].size(), 30u);
  EXPECT_EQ(json["layers"][29].dump(),
            R"({"kv":[{"kind":"full","query_heads":9,"kv_heads":3,)"
            R"("head_size_k":64,"head_size_v":64}],"weights_bytes":0,)"
            R"("kv_bytes_per_token":768,"kv_bytes_per_sequence":0})");
}

TEST(PlanJsonTest, HasARankForEachDevice) {
  Case made(SmolLm2());
  made.request.budget = GiB(2);
  made.request.layout.tensor_parallel = 3;
  made.request.layout.pipeline_parallel = 2;
  const nlohmann::ordered_json ranks = made.Make().Json()["per_rank"];
  ASSERT_EQ(ranks.size(), 6u);
  for (uint64_t rank = 0; rank < 6; ++rank) {
    EXPECT_EQ(Number(ranks[rank], "rank"), rank);
    EXPECT_EQ(Number(ranks[rank], "stage"), rank / 3);
    EXPECT_EQ(Number(ranks[rank], "first_layer"), rank / 3 * 15);
    EXPECT_EQ(Number(ranks[rank], "layers"), 15u);
  }
}

TEST(PlanJsonTest, SaysWhyItDoesNotFitAndWhatToChange) {
  Case made(SmolLm2());
  made.request.budget = MiB(100);
  const nlohmann::ordered_json json = made.Make().Json();
  EXPECT_FALSE(json["fits"].get<bool>());
  EXPECT_EQ(Number(json, "missing_bytes"),
            Number(json, "smallest_budget_bytes") - MiB(100).count());
  EXPECT_THAT(json["notes"].dump(), HasSubstr(made.plan.shortfall->reason));
  ASSERT_FALSE(made.advice.changes.empty());
  EXPECT_EQ(json["changes"][0]["change"], made.advice.changes[0].change);
  EXPECT_EQ(json["changes"][0]["buys"], made.advice.changes[0].buys);
}

TEST(PlanTextTest, HasTheNumbersTheBarAndTheNotes) {
  const Case made = InTwoGiB();
  const std::string text = made.Text();
  EXPECT_THAT(text, HasSubstr("SmolLM2 135M: llama, 134.52M parameters, "
                              "context 8192 tokens\n"));
  EXPECT_THAT(text, HasSubstr("30 layers: full attention, 9 query heads, "
                              "3 KV heads of 64\n"));
  EXPECT_THAT(text, HasSubstr("planned for vllm on CUDA 12.1\n"));
  EXPECT_THAT(text, HasSubstr("2147483648 B"));
  EXPECT_THAT(text, HasSubstr("\nfits: "));
  for (const std::string& note : made.plan.notes) {
    EXPECT_THAT(text, HasSubstr(note));
  }
  // The bar: 94 MiB of weights, 1 GiB of allowance, the rest KV cache.
  EXPECT_THAT(text, HasSubstr("[WWW" + std::string(30, 'U') +
                              std::string(27, 'K') + "]"));
}

TEST(PlanTextTest, EachPartHasItsMarkInTheBar) {
  Case made(SmolLm2());
  made.model.weights = made.model.outer.embedding = GiB(1);
  made.request.budget = GiB(6);
  made.request.activations = made.request.graphs = made.request.adapters =
      made.request.allowance = made.request.kv_memory = GiB(1);
  const std::string text = made.Make().Text();
  std::string bar = "[";
  for (const char mark : {'W', 'A', 'G', 'L', 'U', 'K'}) {
    bar += std::string(10, mark);
  }
  EXPECT_THAT(text, HasSubstr(bar + "]"));
  EXPECT_THAT(text, HasSubstr("G graphs, L adapters, U allowance"));
  // Nobody has asked for these here.
  EXPECT_THAT(InTwoGiB().Text(), Not(HasSubstr("graphs ")));
  EXPECT_THAT(InTwoGiB().Text(), Not(HasSubstr("adapters")));
}

TEST(PlanTextTest, SaysWhatToDoWhenItDoesNotFit) {
  Case made(SmolLm2());
  made.request.budget = GiB(2);
  made.request.max_seqs = 1000;
  const std::string text = made.Make().Text();
  EXPECT_THAT(text,
              HasSubstr("\ndoes not fit: " + made.plan.shortfall->reason));
  EXPECT_THAT(text,
              HasSubstr("bytes (" + ToString(*made.plan.shortfall->missing) +
                        ") are missing\n"));
  EXPECT_THAT(text, HasSubstr("\nwhat to change first\n  1. "));
  for (const PlanChange& change : made.advice.changes) {
    EXPECT_THAT(text, HasSubstr(change.change));
    EXPECT_THAT(text, HasSubstr(change.buys));
  }
}

TEST(PlanTextTest, AnswersTheInverseQuestions) {
  Case made(SmolLm2());
  made.request.budget = GiB(2);
  made.request.max_seqs = 2;
  made.request.bandwidth = 273e9;
  const std::string text = made.Make().Text();
  EXPECT_THAT(text, HasSubstr("smallest budget for 2 x 8192 tokens"));
  EXPECT_THAT(text,
              HasSubstr(std::to_string(made.advice.smallest_budget->count())));
  EXPECT_THAT(
      text, HasSubstr("2 x " + std::to_string(*made.advice.longest_model_len) +
                      " tokens, all that the model was made for\n"));
  EXPECT_THAT(text, HasSubstr(std::to_string(*made.advice.most_seqs) +
                              " x 8192 tokens\n"));
  EXPECT_THAT(text, HasSubstr("tokens/s\n"));
}

TEST(PlanTextTest, RanksShareALineWhereTheyHoldAlike) {
  Case made(SmolLm2());
  made.request.budget = GiB(2);
  EXPECT_THAT(made.Make().Text(), Not(HasSubstr("ranks")));
  made.request.layout.tensor_parallel = 3;
  made.request.layout.pipeline_parallel = 2;
  const std::string text = made.Make().Text();
  EXPECT_THAT(text, HasSubstr("one of 6 devices"));
  EXPECT_THAT(text, HasSubstr("         0-2         0-14 "));
  EXPECT_THAT(text, HasSubstr("         3-5        15-29 "));
}

TEST(PlanTextTest, FlagsStandReadyToPaste) {
  Case made = InTwoGiB();
  EXPECT_THAT(made.Text(), Not(HasSubstr("flags")));
  made.flags = {"--max-model-len 8192", "--block-size 16"};
  EXPECT_THAT(made.Text(), HasSubstr("flags of vllm\n--max-model-len 8192\n"
                                     "--block-size 16\n"));
}

// Kinds that alternate are counted, not listed layer by layer.
TEST(PlanTextTest, LayersThatAreAlikeShareALine) {
  Case made(SmolLm2());
  const AttentionHeads heads = {
      .query_heads = 9, .kv_heads = 3, .head_size_k = 64, .head_size_v = 64};
  for (size_t i = 0; i < made.model.layers.size(); ++i) {
    if (i % 6 != 5) {
      made.model.layers[i].kv = {SlidingWindow{heads, 1024}};
    }
    made.model.layers[i].weights = Bytes(i);
  }
  made.model.weights += Bytes(435);
  made.model.draft_layers = {made.model.layers[0]};
  made.model.draft_layers[0].weights = Bytes(0);
  made.request.budget = GiB(2);
  const std::string text = made.Make().Text();
  EXPECT_THAT(text, HasSubstr("\n  25 layers: sliding window 1024, 9 query "
                              "heads, 3 KV heads of 64\n  5 layers: full "
                              "attention, 9 query heads, 3 KV heads of 64\n"
                              "  1 layer more that draft tokens\n"));
}

TEST(PlanTextTest, AModelOfManyKindsDoesNotFillTheScreen) {
  Case made = InTwoGiB();
  for (size_t i = 0; i < 30; ++i) {
    made.model.layers[i].kv = {SlidingWindow{{}, i + 1}};
    made.model.weights_by_dtype["type" + std::to_string(i)] = Bytes(i);
  }
  const std::string text = made.Text();
  EXPECT_THAT(text, HasSubstr("22 layers of other kinds"));
  EXPECT_THAT(text, HasSubstr("27 other dtypes"));
}

// What comes from files must not reach the terminal as it is.
TEST(PlanReportTest, ControlCharactersAreEscaped) {
  Case made(SmolLm2());
  made.model.name = "evil\x1b[2Jname\n";
  made.model.architecture = "\x1b[1m";
  made.model.weights_by_dtype["\x1b"] = Bytes(1);
  made.model.notes = {"\x1b[0m"};
  made.request.profile = "\x1b";
  made.request.budget = GiB(2);
  made.Make();
  EXPECT_THAT(made.Text(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(made.Text(), HasSubstr("evil\\x1b[2Jname\\x0a"));
  EXPECT_THAT(made.Json().dump(), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace governor
