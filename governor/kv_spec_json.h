#ifndef GOVERNOR_KV_SPEC_JSON_H_
#define GOVERNOR_KV_SPEC_JSON_H_

#include <nlohmann/json.hpp>

#include "governor/model/kv_spec.h"

namespace governor {

// `kind`, one of full, sliding, chunked, cross, latent, indexer,
// compressed_latent, mamba1, mamba2, delta_net and kimi_delta, and the
// dimensions under their names in kv_spec.h. A state's `dtype` only where the
// model says it.
nlohmann::ordered_json ToJson(const KvSpec& spec);

}  // namespace governor

#endif  // GOVERNOR_KV_SPEC_JSON_H_
