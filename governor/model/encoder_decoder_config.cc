#include "governor/model/encoder_decoder_config.h"

#include <optional>

#include "absl/status/status.h"
#include "governor/base/status_macros.h"
#include "governor/model/decoder_config.h"
#include "governor/model/kv_spec.h"

namespace governor {

absl::Status ReadEncoderDecoderLayers(const ConfigFields& fields,
                                      const ConfigFamily& family,
                                      ModelShape& shape) {
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t count, LayerCount(fields, family));
  GOVERNOR_ASSIGN_OR_RETURN(const AttentionHeads heads,
                            HeadsOf(fields, family, shape.notes));
  // BART's encoder has as many positions as its decoder.
  GOVERNOR_ASSIGN_OR_RETURN(std::optional<uint64_t> source,
                            fields.CountIfThere("max_source_positions"));
  if (!source) {
    GOVERNOR_ASSIGN_OR_RETURN(source,
                              fields.CountIfThere("max_position_embeddings"));
  }
  if (!source) return fields.Missing("max_source_positions");
  shape.layers.assign(
      count,
      {.kv = {FullAttention{heads},
              CrossAttention{.heads = heads, .source_tokens = *source}}});
  shape.notes.push_back("the encoder's layers keep nothing and are not listed");
  return absl::OkStatus();
}

}  // namespace governor
