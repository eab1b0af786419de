#ifndef GOVERNOR_BINDINGS_C_STRUCT_CONVERSIONS_H_
#define GOVERNOR_BINDINGS_C_STRUCT_CONVERSIONS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bindings/c/governor.h"
#include "governor/budget/refusal.h"
#include "governor/options.h"
#include "governor/snapshot.h"

namespace governor {

// `options`, or all defaults where it is null.
// INVALID_ARGUMENT, naming the option: one that does not parse; or as
// ReadStruct.
absl::StatusOr<GovernorOptions> OptionsOf(const governor_options_t* options);

// INVALID_ARGUMENT: as CheckStruct.
absl::Status Check(const governor_snapshot_t* snapshot);
absl::Status Check(const governor_refusal_t* refusal);

// `to` is checked.
void Write(const Snapshot& from, governor_snapshot_t* to);
void Write(const Refusal& from, governor_refusal_t* to);

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_C_STRUCT_CONVERSIONS_H_
