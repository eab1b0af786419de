// Any bytes as a safetensors file, and as the weights of a model of two layers.
// What comes out must be true of the bytes, and what is refused must be refused
// readably.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "governor/model/byte_source.h"
#include "governor/model/checkpoint.h"
#include "governor/model/checkpoint_agreement.h"
#include "governor/model/checkpoint_weights.h"
#include "governor/model/safetensors.h"
#include "tests/fuzz/require.h"

namespace governor {
namespace {

void CheckRefusal(const absl::Status& status) {
  Require(status.code() == absl::StatusCode::kInvalidArgument ||
          status.code() == absl::StatusCode::kUnimplemented);
  Require(!status.message().empty() && status.message().size() < 2048);
  for (const char c : status.message()) Require(absl::ascii_isprint(c));
}

// Side by side from the header to the end of the file, each of the size that
// its shape gives, and by name.
void CheckTensors(const Safetensors& file, uint64_t file_size) {
  Require(file.header_size() + file.data_size() == Bytes(file_size));
  std::vector<std::pair<uint64_t, uint64_t>> places;
  for (size_t i = 0; i < file.tensor_count(); ++i) {
    const SafetensorsTensor tensor = file.tensor(i);
    Require(!tensor.name.empty() && tensor.dtype != nullptr);
    Require(tensor.dimension_count <= SafetensorsEntries::kMaxDimensions);
    __uint128_t bits = tensor.dtype->bits;
    for (uint32_t k = 0; k < tensor.dimension_count; ++k) {
      bits *= tensor.dimensions[k];
      Require(bits <= UINT64_MAX);
    }
    Require(bits == __uint128_t{tensor.size.count()} * 8);
    Require(bits == __uint128_t{tensor.elements} * tensor.dtype->bits);
    places.emplace_back(tensor.offset, tensor.offset + tensor.size.count());
    if (i > 0) Require(file.name(i - 1) < file.name(i));
  }
  std::sort(places.begin(), places.end());
  uint64_t end = file.header_size().count();
  for (const auto& [from, to] : places) {
    Require(from == end && to >= from);
    end = to;
  }
  Require(end == file_size);
  // What is kept came from somewhere.
  Require(file.tensor_count() * 50 <= file.header_size().count());
}

void CheckModel(Safetensors header) {
  const Bytes size = header.data_size();
  Checkpoint checkpoint;
  checkpoint.shards.push_back({"model.safetensors", std::move(header)});
  ModelShape shape;
  shape.vocabulary_size = 4;
  const AttentionHeads heads = {
      .query_heads = 2, .kv_heads = 1, .head_size_k = 2, .head_size_v = 2};
  shape.layers.resize(2);
  shape.layers[0].kv.push_back(FullAttention{heads});
  const absl::Status added = AddWeights(checkpoint, shape);
  if (!added.ok()) return CheckRefusal(added);
  Bytes parts = shape.outer.embedding + shape.outer.head +
                shape.outer.replicated + shape.outer.towers;
  for (const LayerShape& layer : shape.layers) parts += layer.weights;
  for (const LayerShape& layer : shape.draft_layers) parts += layer.weights;
  Bytes dtypes;
  for (const auto& [dtype, bytes] : shape.weights_by_dtype) dtypes += bytes;
  Require(shape.weights == size && parts == size && dtypes == size);
  Require(shape.expert_weights <= size && shape.draft_layers.size() <= 16);
  const absl::Status agrees = CheckAgreement(checkpoint, shape);
  if (!agrees.ok()) CheckRefusal(agrees);
  for (const std::string& note : shape.notes) {
    for (const char c : note) Require(absl::ascii_isprint(c));
  }
}

}  // namespace
}  // namespace governor

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace governor;
  const MemoryByteSource source(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  absl::StatusOr<Safetensors> file = ParseSafetensors(source);
  if (!file.ok()) {
    CheckRefusal(file.status());
    return 0;
  }
  CheckTensors(*file, size);
  CheckModel(*std::move(file));
  return 0;
}
