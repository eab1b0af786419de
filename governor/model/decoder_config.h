#ifndef GOVERNOR_MODEL_DECODER_CONFIG_H_
#define GOVERNOR_MODEL_DECODER_CONFIG_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/model/config_family.h"
#include "governor/model/config_fields.h"
#include "governor/model/kv_spec.h"
#include "governor/model/model_shape.h"

namespace governor {

// Pieces that the readers of all families are made of. Their errors are those
// of ReadConfigLayers.

// 1 to kMaxConfigLayers.
absl::StatusOr<uint64_t> LayerCount(const ConfigFields& fields,
                                    const ConfigFamily& family);

// Query heads, KV heads (as many, where the file does not say) and the head
// size (hidden size over query heads, where it does not say). A default of the
// family is noted.
absl::StatusOr<AttentionHeads> HeadsOf(const ConfigFields& fields,
                                       const ConfigFamily& family,
                                       std::vector<std::string>& notes);

// `kv_heads` divides `query_heads`; the names are for the message.
absl::Status CheckHeads(const ConfigFields& fields, ConfigName query_name,
                        uint64_t query_heads, ConfigName kv_name,
                        uint64_t kv_heads);

// What kind of memory a layer has; kRecurrent is a linear state of any sort,
// kNone an MLP or experts alone.
enum class LayerKind { kFull, kSliding, kChunked, kRecurrent, kNone };

// Empty where the config has no `name`, otherwise one for each of `layers`.
// UNIMPLEMENTED: a type that is none of `known`.
absl::StatusOr<std::vector<LayerKind>> LayerTypes(
    const ConfigFields& fields, ConfigName name, uint64_t layers,
    std::initializer_list<LayerKind> known);

// An array of one number for each layer, as `name` has it. INVALID_ARGUMENT:
// absent, or of another length.
absl::StatusOr<std::vector<uint64_t>> WholePerLayer(const ConfigFields& fields,
                                                    ConfigName name,
                                                    uint64_t layers);

// The window, or nullopt where there is none or where it is not used.
absl::StatusOr<std::optional<uint64_t>> WindowOf(
    const ConfigFields& fields, const ConfigFamily& family,
    std::vector<std::string>& notes);

// Full or sliding, for each layer: from `layer_types`, else from the pattern
// that the file or the family has. Without a window all are full.
absl::StatusOr<std::vector<LayerKind>> WindowedLayers(
    const ConfigFields& fields, const ConfigFamily& family, uint64_t layers,
    const std::optional<uint64_t>& window);

// How many layers draft tokens: the field `name`, or `otherwise` where it is
// absent. At most 64.
absl::StatusOr<uint64_t> DraftLayerCount(const ConfigFields& fields,
                                         ConfigName name, uint64_t otherwise);

// `layer`, `count` times, behind the draft layers of `shape`.
void AddDraftLayers(const LayerShape& layer, uint64_t count, ModelShape& shape);

}  // namespace governor

#endif  // GOVERNOR_MODEL_DECODER_CONFIG_H_
