#include "governor/plan_flags.h"

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "governor/policy/engine.h"
#include "governor/policy/engine_flags.h"
#include "governor/printable.h"

namespace governor {
namespace {

// A command that a terminal acts on, or shows otherwise than it is, must not be
// pasted.
bool CanBePrinted(const PlanPaths& paths) {
  std::vector<std::string> all = paths.adapters;
  all.push_back(paths.model);
  if (paths.draft) all.push_back(*paths.draft);
  return absl::c_all_of(
      all, [](const std::string& path) { return Printable(path) == path; });
}

}  // namespace

PlanFlags PlanFlagsOf(const Plan& plan, const PlanRequest& request,
                      const PlanPaths& paths,
                      const std::optional<DeviceMemorySize>& device) {
  PlanFlags flags;
  const absl::string_view engine = ToString(request.layout.engine);
  if (!plan.fits) {
    flags.notes.push_back(absl::StrCat("There are no flags of ", engine,
                                       " for a plan that does not fit."));
    return flags;
  }
  if (!CanBePrinted(paths)) {
    flags.notes.push_back(absl::StrCat(
        "There are no flags of ", engine,
        ": a path has control characters in it, or bytes that are no UTF-8; "
        "give it another name."));
    return flags;
  }
  EngineFlagsInput input = {
      .model = paths.model,
      .draft = paths.draft,
      .adapters = paths.adapters,
      .request = request.layout,
      .max_seqs_asked = request.max_seqs.has_value(),
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
