#include "governor/plan_json.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "governor/base/bytes.h"
#include "governor/group_blocks.h"
#include "governor/kv_spec_json.h"
#include "governor/policy/engine.h"
#include "governor/policy/kv_dtype.h"

namespace governor {
namespace {

using Json = nlohmann::ordered_json;

void AddKnown(Json& json, const char* key, std::optional<Bytes> size) {
  if (size) json[key] = size->count();
}

void AddKnown(Json& json, const char* key, std::optional<uint64_t> count) {
  if (count) json[key] = *count;
}

Json LayersToJson(const KvLayout& layout, const ModelShape& model) {
  Json layers = Json::array();
  for (size_t i = 0; i < model.layers.size(); ++i) {
    Json layer = {{"kv", Json::array()}};
    for (const KvSpec& spec : model.layers[i].kv) {
      layer["kv"].push_back(ToJson(spec));
    }
    layer["weights_bytes"] = model.layers[i].weights.count();
    layer["kv_bytes_per_token"] = layout.token_by_layer.at(i).count();
    layer["kv_bytes_per_sequence"] = layout.sequence_by_layer.at(i).count();
    layers.push_back(std::move(layer));
  }
  return layers;
}

Json ModelToJson(const KvLayout& layout, const ModelShape& model) {
  Json json = {{"architecture", model.architecture},
               {"name", model.name},
               {"parameters", model.parameters},
               {"embedding_length", model.embedding_length},
               {"context_length", model.context_length},
               {"vocabulary_size", model.vocabulary_size},
               {"compute_dtype", model.compute_dtype},
               {"experts", model.experts},
               {"experts_per_token", model.experts_per_token},
               {"has_weights", model.has_weights},
               {"weights_bytes_by_dtype", Json::object()}};
  for (const auto& [dtype, size] : model.weights_by_dtype) {
    json["weights_bytes_by_dtype"][dtype] = size.count();
  }
  json["layers"] = LayersToJson(layout, model);
  json["draft_layers"] = model.draft_layers.size();
  return json;
}

Json GroupsToJson(const Plan& plan) {
  Json groups = Json::array();
  for (const KvGroup& group : plan.layout.groups) {
    groups.push_back(
        {{"kind", group.kind},
         {"caches", group.caches},
         {"block_tokens", group.block_tokens},
         {"page_bytes", group.page.count()},
         {"padding_bytes", group.padding.count()},
         {"blocks_per_sequence", BlocksOfGroup(group, plan.max_model_len)}});
  }
  return groups;
}

Json RanksToJson(const Plan& plan) {
  Json ranks = Json::array();
  for (size_t i = 0; i < plan.stages.size(); ++i) {
    const StagePlan& stage = plan.stages[i];
    Json json = {{"rank", 0},
                 {"stage", i},
                 {"first_layer", stage.first_layer},
                 {"layers", stage.layers},
                 {"weights_bytes", stage.weights.count()},
                 {"weights_rounding_bytes", stage.weights_rounding.count()},
                 {"activation_bytes", stage.activations.count()},
                 {"graph_bytes", stage.graphs.count()},
                 {"adapter_bytes", stage.adapters.count()},
                 {"allowance_bytes", stage.allowance.count()},
                 {"block_bytes", stage.block.count()},
                 {"kv_bytes", stage.kv.count()}};
    AddKnown(json, "left_bytes", stage.left);
    for (uint64_t rank = 0; rank < plan.tensor_parallel; ++rank) {
      json["rank"] = i * plan.tensor_parallel + rank;
      ranks.push_back(json);
    }
  }
  return ranks;
}

void AddSizes(const Plan& plan, const PlanRequest& request, Json& json) {
  const StagePlan& gate = plan.gate();
  AddKnown(json, "device_memory_bytes", request.device_memory);
  if (request.device_memory) json["integrated"] = request.is_integrated;
  AddKnown(json, "budget_bytes", plan.budget);
  AddKnown(json, "os_reserve_bytes", plan.os_reserve);
  json["weights_bytes"] = plan.weights.count();
  json["draft_weights_bytes"] = plan.draft_weights.count();
  json["weights_rounding_bytes"] = gate.weights_rounding.count();
  json["activation_bytes"] = gate.activations.count();
  json["graph_bytes"] = gate.graphs.count();
  json["adapter_bytes"] = gate.adapters.count();
  json["allowance_bytes"] = gate.allowance.count();
  json["kv_dtype"] = std::string(LayoutOf(plan.layout.kv_dtype).name);
  json["kv_bytes_per_token"] = plan.kv_per_token.count();
  json["kv_bytes_per_sequence"] = plan.kv_per_sequence.count();
  json["block_tokens"] = plan.layout.block_tokens;
  json["block_bytes"] = gate.block.count();
  json["num_blocks"] = plan.num_blocks;
  json["kv_bytes"] = gate.kv.count();
  json["blocks_per_sequence"] = plan.blocks_per_sequence;
  json["required_blocks"] = plan.required_blocks;
}

void AddAnswers(const Plan& plan, const PlanAdvice& advice, Json& json) {
  json["max_tokens"] = plan.max_tokens;
  json["max_model_len"] = plan.max_model_len;
  json["max_seqs"] = plan.required_sequences;
  json["max_concurrency"] = plan.max_concurrency;
  AddKnown(json, "left_bytes", plan.gate().left);
  json["fits"] = plan.fits;
  if (plan.shortfall) {
    AddKnown(json, "missing_bytes", plan.shortfall->missing);
  }
  if (plan.decode_tokens_per_second_bound) {
    json["decode_tokens_per_second_bound"] =
        *plan.decode_tokens_per_second_bound;
  }
  AddKnown(json, "smallest_budget_bytes", advice.smallest_budget);
  AddKnown(json, "smallest_kv_memory_bytes", advice.smallest_kv_memory);
  AddKnown(json, "longest_model_len", advice.longest_model_len);
  AddKnown(json, "most_seqs", advice.most_seqs);
  AddKnown(json, "largest_weights_bytes", advice.largest_weights);
  json["changes"] = Json::array();
  for (const PlanChange& change : advice.changes) {
    json["changes"].push_back(
        {{"change", change.change}, {"buys", change.buys}});
  }
}

}  // namespace

Json ToJson(const Plan& plan, const PlanAdvice& advice, const ModelShape& model,
            const PlanRequest& request,
            const std::vector<std::string>& engine_flags) {
  Json json = {
      {"model", ModelToJson(plan.layout, model)},
      {"engine", std::string(ToString(plan.layout.engine))},
      {"platform", request.layout.platform == Platform::kCuda ? "cuda" : "cpu"},
      {"compute_capability", ToString(request.layout.compute_capability)}};
  if (!request.profile.empty()) json["profile"] = request.profile;
  AddSizes(plan, request, json);
  json["groups"] = GroupsToJson(plan);
  AddAnswers(plan, advice, json);
  json["per_rank"] = RanksToJson(plan);
  if (!engine_flags.empty()) json["engine_flags"] = engine_flags;
  json["notes"] = plan.notes;
  if (plan.shortfall) {
    json["notes"].push_back("Does not fit: " + plan.shortfall->reason + ".");
  }
  return json;
}

}  // namespace governor
