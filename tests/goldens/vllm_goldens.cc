#include "tests/goldens/vllm_goldens.h"

#include <cstdint>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/model/byte_source.h"
#include "governor/model/hf_config.h"
#include "governor/policy/engine.h"
#include "governor/policy/kv_dtype.h"

namespace governor {

std::string NameOfVllmRow(const nlohmann::json& row) {
  const std::string device = row["capability"].is_null()
                                 ? row["platform"].get<std::string>()
                                 : row["capability"].get<std::string>();
  return absl::StrCat(
      row["kind"].get<std::string>(), " ", row["model"].get<std::string>(), " ",
      device, " ", row["kv_dtype"].get<std::string>(), " tp",
      row["tp"].get<int>(), " pp", row["pp"].get<int>(), " ",
      row["variant"].get<std::string>(),
      row["available"].is_null()
          ? std::string()
          : absl::StrCat(" of ", row["available"].get<uint64_t>()));
}

const VllmGoldens& AllVllmGoldens() {
  static const VllmGoldens* const goldens = [] {
    auto* result = new VllmGoldens;
    std::ifstream file("tests/goldens/vllm_plans.jsonl");
    std::string line;
    while (std::getline(file, line)) {
      nlohmann::json json = nlohmann::json::parse(line);
      if (!json.contains("config")) {
        result->rows.push_back(std::move(json));
        continue;
      }
      const std::string config = json["json"].dump();
      result->models.emplace(json["config"].get<std::string>(),
                             ShapeOfConfig(MemoryByteSource(config), {}));
    }
    return result;
  }();
  return *goldens;
}

KvLayoutRequest RequestOfVllmRow(const nlohmann::json& row,
                                 const ModelShape& model) {
  KvLayoutRequest request;
  request.engine = Engine::kVllm;
  if (row["platform"] == "cpu") {
    request.platform = Platform::kCpu;
  } else {
    request.compute_capability =
        ParseComputeCapability(row["capability"].get<std::string>()).value();
  }
  if (row["kv_dtype"] != "auto") {
    request.kv_dtype = ParseKvDtype(row["kv_dtype"].get<std::string>()).value();
  }
  request.tensor_parallel = row["tp"];
  request.pipeline_parallel = row["pp"];
  request.max_model_len = row["max_model_len"] == -1
                              ? model.context_length
                              : row["max_model_len"].get<uint64_t>();
  if (row.contains("in_flight")) request.in_flight_tokens = row["in_flight"];
  if (row.contains("block_size")) request.block_tokens = row["block_size"];
  request.draft_tokens = row.value("draft_tokens", 0);
  request.prefix_caching = row.value("prefix_caching", true);
  request.hybrid_manager = row.value("hybrid_manager", true);
  if (row.contains("state_dtype")) {
    request.state_dtype = row["state_dtype"] == "float32"
                              ? StateDtype::kFloat32
                              : StateDtype::kBfloat16;
  }
  return request;
}

}  // namespace governor
