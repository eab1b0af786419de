#ifndef GOVERNOR_MODEL_CONFIG_FAMILIES_H_
#define GOVERNOR_MODEL_CONFIG_FAMILIES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "governor/model/config_family.h"

namespace governor {

// Every family that we know, those that we refuse included. Sorted by
// model_type.
absl::Span<const ConfigFamily> ConfigFamilies();

// nullptr: not known.
const ConfigFamily* FindConfigFamily(absl::string_view model_type);

}  // namespace governor

#endif  // GOVERNOR_MODEL_CONFIG_FAMILIES_H_
