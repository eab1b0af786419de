#include "governor/plan_report.h"

#include <set>
#include <string>

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
  model.weights_by_dtype = {{"Q4_1", Bytes(66'355'200)},
                            {"Q8_0", Bytes(30'081'024)},
                            {"F32", Bytes(140'544)}};
  model.layers.assign(30, {.kv = {FullAttention{{.query_heads = 9,
                                                 .kv_heads = 3,
                                                 .head_size_k = 64,
                                                 .head_size_v = 64}}}});
  model.embedding_length = 576;
  model.context_length = 8192;
  model.vocabulary_size = 49152;
  return model;
}

std::set<std::string> Keys(const nlohmann::ordered_json& json) {
  std::set<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.insert(key);
  return keys;
}

TEST(PlanReportTest, JsonHasThePromisedKeysAndNoOther) {
  const ModelShape model = SmolLm2();
  const Plan plan =
      PlanKv(model, {.budget = GiB(2), .os_reserve = GiB(8)}).value();
  EXPECT_EQ(Keys(ToJson(plan, model)),
            (std::set<std::string>{
                "model", "budget_bytes", "os_reserve_bytes", "weights_bytes",
                "activation_bytes", "allowance_bytes", "kv_bytes_per_token",
                "kv_bytes_per_sequence", "block_tokens", "block_bytes",
                "num_blocks", "kv_bytes", "max_tokens", "max_concurrency",
                "left_bytes", "fits", "notes"}));
}

TEST(PlanReportTest, JsonLeavesOutWhatIsNotKnown) {
  const ModelShape model = SmolLm2();
  const Plan plan =
      PlanKv(model, {.block_tokens = 128, .kv_memory = GiB(1)}).value();
  const nlohmann::ordered_json json = ToJson(plan, model);
  EXPECT_FALSE(json.contains("budget_bytes"));
  EXPECT_FALSE(json.contains("left_bytes"));
  EXPECT_FALSE(json.contains("os_reserve_bytes"));
  EXPECT_EQ(json["num_blocks"], 364);
}

TEST(PlanReportTest, BytesAreIntegersAndAddUp) {
  const ModelShape model = SmolLm2();
  const nlohmann::ordered_json json =
      ToJson(PlanKv(model, {.budget = GiB(2)}).value(), model);
  for (const auto& [key, value] : json.items()) {
    if (key.size() > 6 && key.substr(key.size() - 6) == "_bytes") {
      EXPECT_TRUE(value.is_number_unsigned()) << key;
    }
  }
  const uint64_t weights =
      AlignUp(Bytes(json["weights_bytes"].get<uint64_t>()), MiB(2))->count();
  EXPECT_EQ(weights + json["activation_bytes"].get<uint64_t>() +
                json["allowance_bytes"].get<uint64_t>() +
                json["kv_bytes"].get<uint64_t>() +
                json["left_bytes"].get<uint64_t>(),
            GiB(2).count());
  EXPECT_TRUE(json["fits"].get<bool>());
}

TEST(PlanReportTest, JsonDescribesEachLayer) {
  const ModelShape model = SmolLm2();
  const nlohmann::ordered_json json =
      ToJson(PlanKv(model, {.budget = GiB(2)}).value(), model)["model"];
  EXPECT_EQ(json["architecture"], "llama");
  EXPECT_EQ(json["parameters"], 134'515'008);
  ASSERT_EQ(json["layers"].size(), 30u);
  EXPECT_EQ(json["layers"][29],
            (nlohmann::ordered_json{{"attention", "full"},
                                    {"query_heads", 9},
                                    {"kv_heads", 3},
                                    {"head_size_k", 64},
                                    {"head_size_v", 64},
                                    {"kv_bytes_per_token", 768}}));
}

TEST(PlanReportTest, JsonSaysWhyItDoesNotFit) {
  const ModelShape model = SmolLm2();
  const Plan plan = PlanKv(model, {.budget = MiB(100)}).value();
  const nlohmann::ordered_json json = ToJson(plan, model);
  EXPECT_FALSE(json["fits"].get<bool>());
  const std::string notes = json["notes"].dump();
  EXPECT_THAT(notes, HasSubstr(plan.shortfall->reason));
  for (const std::string& remedy : plan.shortfall->remedies) {
    EXPECT_THAT(notes, HasSubstr(remedy));
  }
}

TEST(PlanReportTest, TextHasTheNumbersTheBarAndTheNotes) {
  const ModelShape model = SmolLm2();
  const Plan plan = PlanKv(model, {.budget = GiB(2)}).value();
  const std::string text = ToText(plan, model);
  EXPECT_THAT(text, HasSubstr("SmolLM2 135M: llama, 134515008 parameters"));
  EXPECT_THAT(text, HasSubstr("30 layers: full attention, 9 query heads, "
                              "3 KV heads of 64\n"));
  EXPECT_THAT(text, HasSubstr("2147483648 B"));
  EXPECT_THAT(text, HasSubstr("fits: "));
  for (const std::string& note : plan.notes) EXPECT_THAT(text, HasSubstr(note));
  // The bar: 94 MiB of weights, 1 GiB of allowance, the rest KV cache.
  EXPECT_THAT(text, HasSubstr("[WWW" + std::string(30, 'U') +
                              std::string(27, 'K') + "]"));
}

TEST(PlanReportTest, TextSaysWhatToDoWhenItDoesNotFit) {
  const ModelShape model = SmolLm2();
  const Plan plan = PlanKv(model, {.budget = GiB(2), .max_seqs = 1000}).value();
  const std::string text = ToText(plan, model);
  EXPECT_THAT(text, HasSubstr("does not fit: 1000 x 8192 tokens need"));
  EXPECT_THAT(text, HasSubstr("\n  or lower max_seqs to 5\n"));
  EXPECT_THAT(text, HasSubstr("\n  or raise the budget to "));
}

// A name from a file must not reach the terminal as it is.
TEST(PlanReportTest, ControlCharactersOfANameAreEscaped) {
  ModelShape model = SmolLm2();
  model.name = "evil\x1b[2Jname\n";
  const Plan plan = PlanKv(model, {.budget = GiB(2)}).value();
  EXPECT_THAT(ToText(plan, model), Not(HasSubstr("\x1b")));
  EXPECT_THAT(ToJson(plan, model).dump(), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace governor
