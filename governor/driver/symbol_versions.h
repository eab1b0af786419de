#ifndef GOVERNOR_DRIVER_SYMBOL_VERSIONS_H_
#define GOVERNOR_DRIVER_SYMBOL_VERSIONS_H_

#include "absl/strings/string_view.h"

namespace governor {

// cuGetProcAddress knows a function by its base name (`cuMemGetInfo`) and the
// CUDA version that the caller was written for, and answers the newest variant
// of that version or before. So the variant that a row of driver_api.h means
// (`cuMemGetInfo_v2`) is asked for by the version that brought just this one:
// by a later version, `cuCtxGetDevice` would come back as the variant of CUDA
// 13.0, which takes another argument.

// `cuMemGetInfo_v2` → `cuMemGetInfo`.
absl::string_view BaseNameOf(absl::string_view symbol);

// The CUDA version that brought exactly this exported symbol, as
// cuDriverGetVersion counts: 1000 * major + 10 * minor. Zero for a symbol that
// driver_api.h does not list.
int IntroducedIn(absl::string_view symbol);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_SYMBOL_VERSIONS_H_
