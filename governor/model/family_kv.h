#ifndef GOVERNOR_MODEL_FAMILY_KV_H_
#define GOVERNOR_MODEL_FAMILY_KV_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/family_ggufs.h"
#include "governor/model/gguf_shape.h"
#include "governor/model/gguf_writer.h"
#include "governor/model/kv_spec.h"
#include "governor/model/model_shape.h"
#include "gtest/gtest.h"

namespace governor {

// What layers of the models of FamilyGgufs keep, for tests.
using Kv = std::vector<KvSpec>;

inline constexpr AttentionHeads kHeads = {
    .query_heads = 4, .kv_heads = 2, .head_size_k = 2, .head_size_v = 2};
inline const Kv kFull = {FullAttention{kHeads}};
inline const Kv kWindow = {SlidingWindow{kHeads, 16}};
inline const Kv kNothing = {};

inline GgufWriter Family(const std::string& architecture) {
  return FamilyGgufs().at(architecture);
}

inline absl::StatusOr<ModelShape> ShapeOf(const GgufWriter& writer) {
  const std::string bytes = writer.Write();
  const absl::StatusOr<Gguf> gguf = ParseGguf(MemoryByteSource(bytes));
  if (!gguf.ok()) return gguf.status();
  return ShapeOfGguf(*gguf);
}

inline std::vector<Kv> KvOf(const std::vector<LayerShape>& layers) {
  std::vector<Kv> kv;
  for (const LayerShape& layer : layers) kv.push_back(layer.kv);
  return kv;
}

// What each layer remembers; one empty entry in a failed test where refused.
inline std::vector<Kv> KvOf(const GgufWriter& writer) {
  const absl::StatusOr<ModelShape> shape = ShapeOf(writer);
  EXPECT_TRUE(shape.ok()) << shape.status();
  return shape.ok() ? KvOf(shape->layers) : std::vector<Kv>(1);
}

inline std::vector<Kv> Repeat(const std::vector<Kv>& group, size_t count) {
  std::vector<Kv> all;
  for (size_t i = 0; i < count; ++i) all.push_back(group[i % group.size()]);
  return all;
}

inline void ExpectRefused(
    const GgufWriter& writer, const std::string& what,
    const std::string& also = "",
    absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
  const absl::Status status = ShapeOf(writer).status();
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_THAT(
      std::string(status.message()),
      testing::AllOf(testing::HasSubstr(what), testing::HasSubstr(also)));
}

// `field` of `architecture` as `value` instead of what it was.
inline GgufWriter With(const std::string& architecture,
                       const std::string& field, uint32_t value) {
  const std::string key = absl::StrCat(architecture, ".", field);
  return Family(architecture).Remove(key).SetU32(key, value);
}

inline GgufWriter Without(const std::string& architecture,
                          const std::string& field) {
  return Family(architecture).Remove(absl::StrCat(architecture, ".", field));
}

}  // namespace governor

#endif  // GOVERNOR_MODEL_FAMILY_KV_H_
