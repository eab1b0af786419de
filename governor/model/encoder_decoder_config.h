#ifndef GOVERNOR_MODEL_ENCODER_DECODER_CONFIG_H_
#define GOVERNOR_MODEL_ENCODER_DECODER_CONFIG_H_

#include "governor/model/config_family.h"

namespace governor {

// Whisper and BART: each decoder layer keeps its own past and the K and V of
// the encoder's output; encoder layers keep nothing and are not listed.
absl::Status ReadEncoderDecoderLayers(const ConfigFields& fields,
                                      const ConfigFamily& family,
                                      ModelShape& shape);

}  // namespace governor

#endif  // GOVERNOR_MODEL_ENCODER_DECODER_CONFIG_H_
