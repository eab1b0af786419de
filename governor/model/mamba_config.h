#ifndef GOVERNOR_MODEL_MAMBA_CONFIG_H_
#define GOVERNOR_MODEL_MAMBA_CONFIG_H_

#include <optional>

#include "absl/status/statusor.h"
#include "governor/model/config_family.h"
#include "governor/model/config_fields.h"
#include "governor/model/kv_spec.h"

namespace governor {

// What a family calls the sizes of its Mamba 2 layers.
struct Mamba2Names {
  ConfigName heads;
  ConfigName head_size;
  ConfigName state_size;
  ConfigName groups;
  ConfigName conv_kernel;
  // Heads times head size, and that over the hidden size: each is checked where
  // the family keeps to it and the config has it.
  std::optional<ConfigName> inner_size = std::nullopt;
  std::optional<ConfigName> expand = std::nullopt;
};

// The dtype of the recurrent state, where the config has one; `auto` is none.
// INVALID_ARGUMENT: another name.
absl::StatusOr<StateDtype> StateDtypeOf(const ConfigFields& fields,
                                        ConfigName name);

// The errors of ReadConfigLayers, both. Mamba 1's inner size is `expand` times
// the hidden size unless the family has a field for it and the config that.
absl::StatusOr<Mamba1State> Mamba1Of(const ConfigFields& fields,
                                     std::optional<ConfigName> inner_size,
                                     ConfigName expand, ConfigName state_size,
                                     ConfigName conv_kernel);
absl::StatusOr<Mamba2State> Mamba2Of(const ConfigFields& fields,
                                     const Mamba2Names& names);

}  // namespace governor

#endif  // GOVERNOR_MODEL_MAMBA_CONFIG_H_
