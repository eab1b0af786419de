#ifndef GOVERNOR_BINDINGS_PYTHON_PLAN_ARGUMENTS_H_
#define GOVERNOR_BINDINGS_PYTHON_PLAN_ARGUMENTS_H_

#include <pybind11/pybind11.h>

#include <optional>
#include <string>
#include <vector>

#include "governor/base/bytes.h"
#include "governor/options.h"
#include "governor/policy/plan.h"

namespace governor {

// What Python asks of a plan, but for what files, the environment and the
// device say. Converted, not judged: PlanKv does that.
struct PlanArguments {
  PlanRequest request;
  GovernorOptions options;
  std::optional<Bytes> device_memory;
  bool discrete = false;  // device_memory is the device's own
  bool capability_given = false;
  // An engine was named: its flags are wanted, too.
  bool wants_flags = false;
  // A path or a Model; files of adapters; none where null.
  pybind11::object draft;
  std::vector<pybind11::object> lora;
  bool assume_gqa = false;
  std::optional<std::string> profile;
  std::optional<std::string> profiles;
};

// Throws TypeError or ValueError naming the keyword and the value, also for a
// keyword that there is not; `function` is who was called. None is as good as
// absent.
PlanArguments ToPlanArguments(const char* function, pybind11::handle budget,
                              const pybind11::kwargs& keywords);

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_PLAN_ARGUMENTS_H_
