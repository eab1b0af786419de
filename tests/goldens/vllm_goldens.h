#ifndef GOVERNOR_TESTS_GOLDENS_VLLM_GOLDENS_H_
#define GOVERNOR_TESTS_GOLDENS_VLLM_GOLDENS_H_

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/model/model_shape.h"
#include "governor/policy/kv_layout.h"

namespace governor {

// vllm_plans.jsonl: what vLLM's own code planned. README.md says where it comes
// from and what the keys are.

// The lines of the file, and the shapes of its configurations.
struct VllmGoldens {
  std::map<std::string, absl::StatusOr<ModelShape>> models;
  std::vector<nlohmann::json> rows;
};

// Read once, from the directory that tests run in.
const VllmGoldens& AllVllmGoldens();

// What the row was planned for, in one line; no two rows have the same.
std::string NameOfVllmRow(const nlohmann::json& row);

// What vLLM was asked, of the row's `model`.
KvLayoutRequest RequestOfVllmRow(const nlohmann::json& row,
                                 const ModelShape& model);

}  // namespace governor

#endif  // GOVERNOR_TESTS_GOLDENS_VLLM_GOLDENS_H_
