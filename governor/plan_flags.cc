#include "governor/plan_flags.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "governor/policy/engine.h"
#include "governor/policy/engine_flags.h"

namespace governor {

PlanFlags PlanFlagsOf(const Plan& plan, const PlanRequest& request,
                      const std::string& model,
                      const std::optional<DeviceMemorySize>& device) {
  PlanFlags flags;
  const absl::string_view engine = ToString(request.layout.engine);
  if (!plan.fits) {
    flags.notes.push_back(absl::StrCat("There are no flags of ", engine,
                                       " for a plan that does not fit."));
    return flags;
  }
  EngineFlagsInput input = {
      .model = model,
      .request = request.layout,
      .layout = plan.layout,
      .num_blocks = plan.num_blocks,
      .budget = plan.budget,
      .allowance = plan.gate().allowance,
      // GB10 has no memory of its own.
      .integrated = device ? device->is_integrated
                           : request.layout.compute_capability == kDgxSpark};
  if (device) input.device_total = device->total;
  input.request.max_model_len = plan.max_model_len;
  input.request.max_seqs = plan.required_sequences;
  const absl::StatusOr<EngineCommand> command = EngineFlags(input);
  if (!command.ok()) {
    flags.notes.push_back(absl::StrCat("There are no flags of ", engine, ": ",
                                       command.status().message(), "."));
    return flags;
  }
  flags.lines = absl::StrSplit(ToShell(*command), '\n', absl::SkipEmpty());
  flags.notes = command->notes;
  return flags;
}

}  // namespace governor
