// What vLLM's own code planned (README.md), against what LayOutKv makes of the
// same config.json. Every line of vllm_plans.jsonl is compared; where we differ
// from the engine, the line is listed below with the reason, and a line that is
// listed must differ.

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/kv_layout.h"
#include "gtest/gtest.h"
#include "tests/goldens/vllm_goldens.h"

namespace governor {
namespace {

using Json = nlohmann::json;
using ::testing::UnorderedElementsAreArray;

struct Difference {
  const char* row;
  const char* reason;
};

// Lines on which we plan what vLLM refused, or otherwise.
constexpr Difference kDifferences[] = {
    {"refusal gpt-oss-20b cpu auto tp8 pp1 default",
     "of the weights: no CPU kernel for its experts, split over 8 ranks"},
    {"refusal gpt-oss-20b cpu fp8 tp8 pp1 default",
     "of the weights: no CPU kernel for its experts, split over 8 ranks"},
    {"refusal gpt-oss-120b cpu auto tp8 pp1 default",
     "of the weights: no CPU kernel for its experts, split over 8 ranks"},
    {"refusal gpt-oss-120b cpu fp8 tp8 pp1 default",
     "of the weights: no CPU kernel for its experts, split over 8 ranks"},
    {"refusal qwen3-next-80b-a3b 9.0 auto tp1 pp1 mamba_cache_mode=all",
     "an option's value that vLLM no longer has, and we never had"},
    {"refusal granite-4.0-h-small 9.0 auto tp1 pp1 mamba_cache_mode=all",
     "an option's value that vLLM no longer has, and we never had"},
    {"refusal nemotron-h-56b 9.0 auto tp1 pp1 mamba_cache_mode=all",
     "an option's value that vLLM no longer has, and we never had"},
};

absl::StatusOr<KvLayout> LayOut(const Json& row) {
  const absl::StatusOr<ModelShape>& model =
      AllVllmGoldens().models.at(row["model"].get<std::string>());
  if (!model.ok()) {
    ADD_FAILURE() << row["model"] << ": " << model.status();
    return model.status();
  }
  return LayOutKv(*model, RequestOfVllmRow(row, *model));
}

// Blocks in `available` bytes on each rank: those of the poorest.
uint64_t NumBlocks(const KvLayout& layout, uint64_t available) {
  const Bytes largest = *std::max_element(layout.block_by_stage.begin(),
                                          layout.block_by_stage.end());
  return Bytes(available) / largest;
}

// The differences of one line, in words.
class Differences {
 public:
  template <typename A, typename B>
  void Check(const char* what, const A& ours, const B& theirs) {
    if (ours == theirs) return;
    absl::StrAppend(&text_, what, " ", testing::PrintToString(ours), ", not ",
                    testing::PrintToString(theirs), "; ");
  }
  void Say(absl::string_view text) { absl::StrAppend(&text_, text, "; "); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Caches, tokens of a block, page or mixed block, blocks of one sequence.
using GroupKey = std::tuple<uint64_t, uint64_t, uint64_t, uint64_t, bool>;

std::vector<GroupKey> GroupsOf(const KvLayout& layout, uint64_t tokens,
                               bool whole_model) {
  std::vector<GroupKey> keys;
  for (const KvGroup& group : layout.groups) {
    KvLayout alone;
    alone.groups = {group};
    keys.emplace_back(whole_model ? group.caches : 0, group.block_tokens,
                      group.mixed_block.value_or(group.page).count(),
                      BlocksPerSequence(alone, tokens),
                      group.mixed_block.has_value());
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

// vLLM's lists of a pipeline's first stage; there `caches` is left out.
std::vector<GroupKey> GroupsOf(const Json& out, bool whole_model) {
  std::vector<GroupKey> keys;
  for (const Json& group : out["groups"]) {
    const uint64_t caches = group["caches"];
    const uint64_t page = group["page"];
    const bool mixed = group.value("mixed", false);
    // All caches of one size in a group of one type: a page of each.
    const bool equal = mixed && out["specs"].size() > 0 && [&] {
      for (const Json& spec : out["specs"]) {
        if (spec[3].get<uint64_t>() * caches == page) return true;
      }
      return false;
    }();
    for (int i = 0; i < group.value("times", 1); ++i) {
      keys.emplace_back(whole_model ? caches : 0, group["block"],
                        equal ? page / caches : page, group["blocks"],
                        mixed && !equal);
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

bool Grows(const std::string& type) {
  return type == "FullAttentionSpec" || type == "MLAAttentionSpec";
}

void CompareBytesOfLayers(const Json& row, const KvLayout& layout,
                          Differences& differences) {
  uint64_t token = 0;
  std::optional<uint64_t> states = 0;
  for (const Json& spec : row["out"]["specs"]) {
    const uint64_t count = spec[0];
    const uint64_t block = spec[2];
    const uint64_t content = spec[4];
    if (Grows(spec[1])) {
      token += count * ((content + block - 1) / block);
    } else if (spec[1] == "MambaSpec") {
      if (states) *states += count * content;
    } else {
      states = std::nullopt;
    }
  }
  // The specs are those of the first stage.
  const size_t layers =
      row["pp"] == 1 ? layout.token_by_layer.size() : layout.layers_by_stage[0];
  uint64_t our_token = 0;
  uint64_t our_states = 0;
  for (size_t i = 0; i < layers; ++i) {
    our_token += layout.token_by_layer[i].count();
    our_states += layout.sequence_by_layer[i].count();
  }
  differences.Check("bytes of a token", our_token, token);
  if (states) differences.Check("bytes of states", our_states, *states);
}

absl::string_view DtypeName(const std::string& resolved) {
  if (resolved == "auto") return "bf16";
  return resolved == "fp8_e4m3" ? "fp8" : absl::string_view(resolved);
}

// The longest sequence that fits, as --max-model-len -1 finds it.
uint64_t LongestThatFits(const KvLayout& layout, uint64_t blocks,
                         uint64_t context_length) {
  uint64_t fits = 0;
  uint64_t above = context_length + 1;
  while (fits + 1 < above) {
    const uint64_t middle = fits + (above - fits) / 2;
    if (BlocksPerSequence(layout, middle) + layout.reserved_blocks <= blocks) {
      fits = middle;
    } else {
      above = middle;
    }
  }
  return fits;
}

std::string ComparePlan(const Json& row) {
  const absl::StatusOr<KvLayout> layout = LayOut(row);
  if (!layout.ok()) return std::string(layout.status().message());
  const Json& out = row["out"];
  Differences differences;
  const uint64_t length = out["max_model_len"];
  const uint64_t blocks = NumBlocks(*layout, row["available"]);
  if (row["max_model_len"] == -1) {
    const ModelShape& model = *AllVllmGoldens().models.at(row["model"]);
    differences.Check("longest that fits",
                      LongestThatFits(*layout, blocks, model.context_length),
                      length);
  }
  differences.Check("dtype", LayoutOf(layout->kv_dtype).name,
                    DtypeName(out["cache_dtype"]));
  const bool whole_model = row["pp"] == 1;
  const std::vector<GroupKey> theirs = GroupsOf(out, whole_model);
  differences.Check("groups", GroupsOf(*layout, length, whole_model), theirs);
  // Of the groups that keep every token, the smallest.
  std::optional<uint64_t> growing;
  uint64_t any = std::get<1>(theirs.front());
  for (const Json& group : out["groups"]) {
    const uint64_t block = group["block"];
    any = std::min(any, block);
    // A mixed group with several window types is the window's (DeepSeek V4).
    const bool window = group.value("mixed", false) && block < 64;
    if (Grows(group["type"]) ||
        (group["type"] == "UniformTypeKVCacheSpecs" && !window)) {
      growing = std::min(growing.value_or(block), block);
    }
  }
  if (row["model"] != "deepseek-v4-flash") {
    differences.Check("block", layout->block_tokens, growing.value_or(any));
  } else {
    differences.Check("block", layout->block_tokens,
                      out["block_size"].get<uint64_t>());
  }
  differences.Check("bytes of a block", layout->block_by_stage[0].count(),
                    out["bytes_per_block"].get<uint64_t>());
  if (!whole_model) {
    std::vector<uint64_t> stages;
    for (const Bytes block : layout->block_by_stage) {
      stages.push_back(block.count());
    }
    differences.Check(
        "bytes by stage", stages,
        out["bytes_per_block_per_stage"].get<std::vector<uint64_t>>());
    differences.Check("layers by stage", layout->layers_by_stage,
                      out["layers_per_stage"].get<std::vector<uint64_t>>());
  }
  CompareBytesOfLayers(row, *layout, differences);
  differences.Check("blocks", blocks, out["num_blocks"].get<uint64_t>());
  const uint64_t held = BlocksPerSequence(*layout, length);
  const double concurrency =
      static_cast<double>(blocks) / static_cast<double>(held);
  differences.Check("concurrency", concurrency,
                    out["max_concurrency"].get<double>());
  differences.Check(
      "tokens",
      static_cast<uint64_t>(concurrency * static_cast<double>(length)),
      out["tokens"].get<uint64_t>());
  if (held + layout->reserved_blocks > blocks) {
    differences.Say("we would refuse it");
  }
  return differences.text();
}

std::string CompareStart(const Json& row) {
  const absl::StatusOr<KvLayout> layout = LayOut(row);
  if (!layout.ok()) return std::string(layout.status().message());
  const Json& out = row["out"];
  Differences differences;
  const uint64_t length = row["max_model_len"];
  const uint64_t blocks = NumBlocks(*layout, row["available"]);
  differences.Check("block", layout->block_tokens,
                    out["engine_block_size"].get<uint64_t>());
  differences.Check("bytes of a block", layout->block_by_stage[0].count(),
                    out["bytes_per_block"].get<uint64_t>());
  differences.Check("blocks", blocks, out["num_blocks"].get<uint64_t>());
  const double concurrency =
      static_cast<double>(blocks) /
      static_cast<double>(BlocksPerSequence(*layout, length));
  differences.Check(
      "tokens",
      static_cast<uint64_t>(concurrency * static_cast<double>(length)),
      out["tokens"].get<uint64_t>());
  return differences.text();
}

std::string CompareRefusal(const Json& row) {
  const absl::StatusOr<KvLayout> layout = LayOut(row);
  if (!layout.ok()) {
    const absl::StatusCode code = layout.status().code();
    EXPECT_TRUE(code == absl::StatusCode::kUnimplemented ||
                code == absl::StatusCode::kInvalidArgument)
        << NameOfVllmRow(row) << ": " << layout.status();
    return "";
  }
  if (row["available"].is_null()) return "we plan it";
  const uint64_t held = BlocksPerSequence(*layout, row["max_model_len"]);
  if (held + layout->reserved_blocks > NumBlocks(*layout, row["available"])) {
    return "";
  }
  return "one sequence fits";
}

// Compares all rows of a kind; returns how many there are.
size_t CompareAll(const std::string& kind,
                  std::string (*compare)(const Json& row)) {
  size_t count = 0;
  std::vector<std::string> differing;
  for (const Json& row : AllVllmGoldens().rows) {
    if (row["kind"] != kind) continue;
    ++count;
    const std::string text = compare(row);
    if (text.empty()) continue;
    const std::string name = NameOfVllmRow(row);
    differing.push_back(name);
    const bool expected =
        std::any_of(std::begin(kDifferences), std::end(kDifferences),
                    [&name](const Difference& d) { return d.row == name; });
    if (!expected) ADD_FAILURE() << name << ": " << text;
  }
  std::vector<std::string> listed;
  for (const Difference& difference : kDifferences) {
    const std::string name = difference.row;
    if (name.substr(0, kind.size() + 1) == kind + " ") listed.push_back(name);
  }
  EXPECT_THAT(differing, UnorderedElementsAreArray(listed));
  return count;
}

TEST(VllmGoldenTest, EveryConfigurationHasAShape) {
  EXPECT_EQ(AllVllmGoldens().models.size(), 57u);
  for (const auto& [name, model] : AllVllmGoldens().models) {
    EXPECT_TRUE(model.ok()) << name << ": " << model.status();
  }
}

TEST(VllmGoldenTest, PlansAreVllmsOwn) {
  EXPECT_EQ(CompareAll("plan", ComparePlan), 844u);
}

TEST(VllmGoldenTest, RealStartsAreAsPlanned) {
  EXPECT_EQ(CompareAll("start", CompareStart), 13u);
}

TEST(VllmGoldenTest, WhatVllmRefusesWeRefuse) {
  EXPECT_EQ(CompareAll("refusal", CompareRefusal), 27u);
}

// Where the machine is the one usual for its capability, nobody needs to say
// how many tokens are in flight. Gemma 4 wants room for an image of 2,496 where
// the default is less, which its text tower does not tell.
TEST(VllmGoldenTest, TokensInFlightAreVllmsByDefault) {
  size_t compared = 0;
  std::vector<std::string> differing;
  std::vector<std::string> images;
  for (const Json& row : AllVllmGoldens().rows) {
    if (row["kind"] != "plan") continue;
    const absl::StatusOr<ModelShape>& model =
        AllVllmGoldens().models.at(row["model"].get<std::string>());
    ASSERT_TRUE(model.ok());
    KvLayoutRequest request = RequestOfVllmRow(row, *model);
    const absl::StatusOr<KvLayout> told = LayOutKv(*model, request);
    request.in_flight_tokens = std::nullopt;
    const absl::StatusOr<KvLayout> untold = LayOutKv(*model, request);
    ASSERT_TRUE(told.ok() && untold.ok());
    ++compared;
    if (row["model"] == "gemma-4-26b-a4b" && row["in_flight"] == 4992) {
      images.push_back(NameOfVllmRow(row));
    }
    const bool same = std::equal(told->groups.begin(), told->groups.end(),
                                 untold->groups.begin(), untold->groups.end(),
                                 [](const KvGroup& a, const KvGroup& b) {
                                   return a.most_tokens == b.most_tokens &&
                                          a.extra_blocks == b.extra_blocks;
                                 });
    if (!same) differing.push_back(NameOfVllmRow(row));
  }
  EXPECT_EQ(compared, 844u);
  EXPECT_EQ(images.size(), 10u);
  EXPECT_THAT(differing, UnorderedElementsAreArray(images));
}

}  // namespace
}  // namespace governor
