#ifndef GOVERNOR_MODEL_CONFIG_FAMILY_H_
#define GOVERNOR_MODEL_CONFIG_FAMILY_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "governor/model/config_fields.h"
#include "governor/model/model_shape.h"

namespace governor {

// What a family calls the fields that all have.
struct DecoderNames {
  ConfigName layers = "num_hidden_layers";
  ConfigName hidden = "hidden_size";
  ConfigName query_heads = "num_attention_heads";
  ConfigName kv_heads = "num_key_value_heads";
  ConfigName head_size = "head_dim";
};

inline constexpr DecoderNames kLlamaNames;

struct ConfigFamily;

// Fills the layers and draft layers of `shape`, and adds notes.
// INVALID_ARGUMENT: a field missing, out of range, or in disagreement with
// another. UNIMPLEMENTED: a part of the family that is not known. Both name
// fields and values; `shape` is then unspecified.
using ReadConfigLayers = absl::Status (*)(const ConfigFields& fields,
                                          const ConfigFamily& family,
                                          ModelShape& shape);

// One `model_type`: who reads it, and how it differs from others that the same
// reader reads. The numbers are those that the family's configuration class in
// transformers takes where the file leaves them out; zero: it takes none, or
// derives it.
struct ConfigFamily {
  absl::string_view model_type;
  ReadConfigLayers read = nullptr;
  DecoderNames names = kLlamaNames;
  uint64_t query_heads = 0;
  uint64_t kv_heads = 0;
  uint64_t head_size = 0;
  uint64_t window = 0;
  uint64_t context = 0;
  // What transformers takes for a window where the file does not mention one,
  // but labs' own code does not; a note says so. A null is a mention.
  uint64_t doubtful_window = 0;
  // Every so many layers, the last of them is full attention, the others
  // sliding; zero: all are sliding where there is a window.
  uint64_t full_every = 0;
  // The window counts only where `use_sliding_window` is true.
  bool window_on_request = false;
  // One KV head where `multi_query` says so, as it does unless set to false.
  bool multi_query = false;
  // `num_nextn_predict_layers` layers like the last one draft tokens.
  bool drafts = false;
  // The recurrent state is float32 unless `mamba_ssm_dtype` says otherwise.
  bool float32_state = false;
  // Why the family is not planned; empty for those that are.
  absl::string_view refusal = {};
};

}  // namespace governor

#endif  // GOVERNOR_MODEL_CONFIG_FAMILY_H_
