#include "governor/policy/plan_notes.h"

#include "absl/strings/str_cat.h"
#include "governor/base/bytes.h"
#include "governor/policy/kv_dtype.h"

namespace governor {

std::vector<std::string> NotesOf(const Plan& plan, const PlanRequest& request,
                                 const ModelShape& model) {
  std::vector<std::string> notes;
  const auto note = [&notes](const auto&... parts) {
    notes.push_back(absl::StrCat(parts...));
  };
  note("weights_bytes is the exact size of the tensors in the model's file.");
  if (!plan.weights_rounding.is_zero()) {
    note("Weights are held in granules of ", ToString(request.granularity),
         ": ", plan.weights_rounding.count(), " bytes on top of them.");
  }
  if (!request.activations) {
    note(
        "Nothing is set aside for activations: none were given, and none are "
        "measured yet.");
  }
  if (!request.allowance) {
    note(
        "The allowance for memory that is not governed (context, libraries, "
        "graphs) is the default of ",
        ToString(plan.allowance), ".");
  }
  if (!request.max_model_len) {
    note("max_model_len is the model's context length, ", plan.max_model_len,
         " tokens.");
  } else if (plan.max_model_len > model.context_length) {
    note("max_model_len ", plan.max_model_len,
         " is above the model's context length of ", model.context_length,
         " tokens.");
  }
  const KvDtypeLayout& dtype = LayoutOf(plan.kv_dtype);
  note("The KV cache is stored as ", dtype.name,
       dtype.block_bytes == 1
           ? ", counted without its scales, a few floats a layer."
           : ".");
  if (plan.budget && !request.kv_memory) {
    note("The KV cache is committed in granules of ",
         ToString(request.granularity),
         "; what is left includes the rest of its last one.");
  }
  if (plan.os_reserve) {
    note(
        "os_reserve_bytes was kept back before the budget, and is not part "
        "of it.");
  }
  return notes;
}

}  // namespace governor
