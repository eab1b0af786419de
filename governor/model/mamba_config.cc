#include "governor/model/mamba_config.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/base/bytes.h"
#include "governor/base/status_macros.h"

namespace governor {
namespace {

// `expand` times the hidden size; nullopt: the config has no `expand`.
absl::StatusOr<std::optional<uint64_t>> Expanded(const ConfigFields& fields,
                                                 ConfigName expand) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<uint64_t> factor,
                            fields.CountIfThere(expand));
  if (!factor) return std::optional<uint64_t>();
  GOVERNOR_ASSIGN_OR_RETURN(const uint64_t hidden, fields.Count("hidden_size"));
  const std::optional<Bytes> inner = CheckedMultiply(Bytes(hidden), *factor);
  if (!inner || inner->count() > kMaxConfigCount) {
    return fields.Wrong(
        expand, absl::StrCat("times hidden_size ", hidden, " must be at most ",
                             kMaxConfigCount));
  }
  return std::optional<uint64_t>(inner->count());
}

}  // namespace

absl::StatusOr<StateDtype> StateDtypeOf(const ConfigFields& fields,
                                        ConfigName name) {
  GOVERNOR_ASSIGN_OR_RETURN(const std::optional<absl::string_view> dtype,
                            fields.TextIfThere(name));
  if (!dtype || *dtype == "auto") return StateDtype::kUnsaid;
  if (*dtype == "float32") return StateDtype::kFloat32;
  if (*dtype == "bfloat16") return StateDtype::kBfloat16;
  if (*dtype == "float16") return StateDtype::kFloat16;
  return fields.Wrong(name, "must be auto, float32, bfloat16 or float16");
}

absl::StatusOr<Mamba1State> Mamba1Of(const ConfigFields& fields,
                                     std::optional<ConfigName> inner_size,
                                     ConfigName expand, ConfigName state_size,
                                     ConfigName conv_kernel) {
  Mamba1State state;
  std::optional<uint64_t> inner;
  if (inner_size) {
    GOVERNOR_ASSIGN_OR_RETURN(inner, fields.CountIfThere(*inner_size));
  }
  if (!inner) {
    GOVERNOR_ASSIGN_OR_RETURN(inner, Expanded(fields, expand));
  }
  if (!inner) return fields.Missing(expand);
  state.inner_size = *inner;
  GOVERNOR_ASSIGN_OR_RETURN(state.state_size, fields.Count(state_size));
  GOVERNOR_ASSIGN_OR_RETURN(state.conv_kernel, fields.Count(conv_kernel));
  return state;
}

absl::StatusOr<Mamba2State> Mamba2Of(const ConfigFields& fields,
                                     const Mamba2Names& names) {
  Mamba2State state;
  GOVERNOR_ASSIGN_OR_RETURN(state.heads, fields.Count(names.heads));
  GOVERNOR_ASSIGN_OR_RETURN(state.state_size, fields.Count(names.state_size));
  GOVERNOR_ASSIGN_OR_RETURN(state.groups, fields.Count(names.groups));
  GOVERNOR_ASSIGN_OR_RETURN(state.conv_kernel, fields.Count(names.conv_kernel));
  if (state.heads % state.groups != 0) {
    return fields.Wrong(names.heads, absl::StrCat("must be a multiple of ",
                                                  fields.Path(names.groups),
                                                  ", ", state.groups));
  }
  std::optional<uint64_t> inner;
  if (names.inner_size) {
    GOVERNOR_ASSIGN_OR_RETURN(inner, fields.CountIfThere(*names.inner_size));
  }
  if (!inner && names.expand) {
    GOVERNOR_ASSIGN_OR_RETURN(inner, Expanded(fields, *names.expand));
  }
  // Published configs say `auto` where the head size follows.
  if (fields.IsText(names.head_size) && inner) {
    GOVERNOR_ASSIGN_OR_RETURN(const auto text,
                              fields.TextIfThere(names.head_size));
    if (*text == "auto" && *inner % state.heads == 0) {
      state.head_size = *inner / state.heads;
      return state;
    }
  }
  GOVERNOR_ASSIGN_OR_RETURN(state.head_size, fields.Count(names.head_size));
  const std::optional<Bytes> product =
      CheckedMultiply(Bytes(state.heads), state.head_size);
  if (!product || (inner && product->count() != *inner)) {
    return fields.Wrong(
        names.heads, absl::StrCat("times ", fields.Path(names.head_size), " ",
                                  state.head_size, " must be the inner size, ",
                                  inner.value_or(kMaxConfigCount)));
  }
  return state;
}

}  // namespace governor
