// Each cache of transformers_caches.jsonl, planned from its config alone,
// against the bytes of the tensors that transformers itself had made.
#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "governor/model/byte_source.h"
#include "governor/model/hf_config.h"
#include "governor/policy/transformers_cache.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using Json = nlohmann::json;

TEST(TransformersGoldenTest, BytesAreTransformersOwn) {
  std::ifstream in("tests/goldens/transformers_caches.jsonl");
  uint64_t checked = 0;
  for (std::string line; std::getline(in, line); ++checked) {
    const Json row = Json::parse(line);
    const std::string config = row["config"].dump();
    const std::string cache_class = row["cache_class"];
    SCOPED_TRACE(row["name"].get<std::string>() + " " + cache_class);
    const absl::StatusOr<ModelShape> model =
        ShapeOfConfig(MemoryByteSource(config), {});
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ(model->compute_dtype, row["kv_dtype"]);
    const bool is_static = cache_class == "StaticCache";
    ASSERT_TRUE(is_static || cache_class == "DynamicCache");
    const absl::StatusOr<Bytes> bytes = TransformersCacheBytes(
        *model,
        is_static ? TransformersCache::kStatic : TransformersCache::kDynamic,
        row[is_static ? "max_cache_len" : "prefill_tokens"], row["batch"]);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    EXPECT_EQ(bytes->count(), row["cache_bytes"].get<uint64_t>());
  }
  EXPECT_EQ(checked, 18);
}

}  // namespace
}  // namespace governor
