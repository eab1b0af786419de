#include "governor/policy/layer_cells.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

absl::Status AddTo(Bytes& sum, const absl::StatusOr<Bytes>& size) {
  GOVERNOR_RETURN_IF_ERROR(size.status());
  const std::optional<Bytes> next = CheckedAdd(sum, *size);
  if (!next) return absl::InvalidArgumentError("passes 2^64 - 1 bytes");
  sum = *next;
  return absl::OkStatus();
}

struct CellVisitor {
  const LayerCellOptions& options;
  LayerCells& cells;

  Bytes& window() const {
    return options.keep_all ? cells.token : cells.window_token;
  }

  absl::Status operator()(const FullAttention& spec) const {
    return AddTo(cells.token, HeadsPerToken(spec.heads, options.dtype,
                                            options.tensor_parallel));
  }
  absl::Status operator()(const SlidingWindow& spec) const {
    return AddTo(window(), HeadsPerToken(spec.heads, options.dtype,
                                         options.tensor_parallel));
  }
  absl::Status operator()(const ChunkedAttention& spec) const {
    return AddTo(window(), HeadsPerToken(spec.heads, options.dtype,
                                         options.tensor_parallel));
  }
  absl::Status operator()(const LatentAttention& spec) const {
    return AddTo(
        cells.token,
        LatentPerToken(spec, spec.sparse ? options.sparse_dtype : options.dtype,
                       options.tensor_parallel));
  }
  absl::Status operator()(const SparseIndexer& spec) const {
    return AddTo(cells.token, IndexerPerToken(spec));
  }
  absl::Status operator()(const CrossAttention&) const {
    return absl::UnimplementedError(
        "cross attention is planned for vLLM alone");
  }
  absl::Status operator()(const CompressedLatent&) const {
    return absl::UnimplementedError(
        "compressed latents (DeepSeek V4) are planned for vLLM alone");
  }
  template <typename State>
  absl::Status operator()(const State& spec) const {
    const StateDtype dtype = options.state_dtype == StateDtype::kUnsaid
                                 ? spec.dtype
                                 : options.state_dtype;
    StateStorage storage;
    storage.conv_element_bytes = options.conv_bytes;
    storage.element_bytes = dtype == StateDtype::kUnsaid ? options.state_bytes
                            : dtype == StateDtype::kFloat32 ? 4
                                                            : 2;
    return AddTo(cells.state,
                 StateSize(spec, storage, options.tensor_parallel));
  }
};

}  // namespace

absl::StatusOr<std::vector<LayerCells>> LayerCellsOf(
    absl::Span<const LayerShape> layers, const LayerCellOptions& options) {
  std::vector<LayerCells> result(layers.size());
  for (size_t i = 0; i < layers.size(); ++i) {
    for (const KvSpec& spec : layers[i].kv) {
      const absl::Status status =
          std::visit(CellVisitor{options, result[i]}, spec);
      if (status.ok()) continue;
      return absl::Status(status.code(),
                          absl::StrCat("layer ", i, ": ", status.message()));
    }
  }
  return result;
}

LayerWindows LayerWindowsOf(absl::Span<const LayerShape> layers) {
  LayerWindows windows;
  for (const LayerShape& layer : layers) {
    for (const KvSpec& spec : layer.kv) {
      if (const auto* sliding = std::get_if<SlidingWindow>(&spec)) {
        windows.longest = std::max(windows.longest, sliding->window);
      } else if (const auto* chunked = std::get_if<ChunkedAttention>(&spec)) {
        windows.longest = std::max(windows.longest, chunked->chunk);
      } else if (std::holds_alternative<FullAttention>(spec) ||
                 std::holds_alternative<LatentAttention>(spec)) {
        windows.all = false;
      }
    }
  }
  if (windows.longest == 0) windows.all = false;
  return windows;
}

}  // namespace governor
