#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/json_to_python.h"
#include "governor/base/status_macros.h"
#include "governor/driver_choice.h"
#include "governor/model/read_model.h"
#include "governor/options.h"
#include "governor/plan_report.h"
#include "governor/plan_request.h"
#include "governor/policy/kv_dtype.h"
#include "governor/policy/kv_planner.h"

namespace py = pybind11;

namespace governor {
namespace {

// What Python asks for, complete but for what the environment and the device
// say.
struct Wish {
  std::string path;
  PlanRequest request;
  GovernorOptions options;
};

struct Planned {
  ModelShape model;
  Plan plan;
  std::string why_host;  // not empty: the host driver stood in for CUDA
};

absl::StatusOr<Planned> MakePlan(const Wish& wish) {
  Planned planned;
  GOVERNOR_ASSIGN_OR_RETURN(planned.model, ReadModelShape(wish.path));
  GOVERNOR_ASSIGN_OR_RETURN(
      const GovernorOptions options,
      WithEnvironment(wish.options, &ReadProcessEnvironment));
  GOVERNOR_ASSIGN_OR_RETURN(const PlanRequest request,
                            CompletePlanRequest(wish.request, options, [&] {
                              return AskDriver(options, &planned.why_host);
                            }));
  GOVERNOR_ASSIGN_OR_RETURN(planned.plan, PlanKv(planned.model, request));
  return planned;
}

std::string ToPath(py::handle path) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path.ptr(), &encoded) == 0) {
    throw py::error_already_set();
  }
  return std::string(py::reinterpret_steal<py::bytes>(encoded));
}

void WarnOfHostDriver(const std::string& why_host) {
  const std::string warning =
      why_host + "; planning for the host driver's device";
  if (PyErr_WarnEx(PyExc_RuntimeWarning, warning.c_str(), 1) != 0) {
    throw py::error_already_set();
  }
}

py::object PlanForPython(py::handle path, py::handle budget,
                         py::handle os_reserve, py::handle allowance,
                         py::handle activations, py::handle kv_memory,
                         py::handle block_tokens, py::handle kv_dtype,
                         py::handle max_model_len, py::handle max_seqs,
                         py::handle device, py::handle driver) {
  Wish wish;
  wish.path = ToPath(path);
  wish.options.budget = Optional(&ToSizeSpec, "budget", budget);
  wish.options.os_reserve = Optional(&ToSizeSpec, "os_reserve", os_reserve);
  wish.options.allowance = Optional(&ToSizeSpec, "allowance", allowance);
  wish.options.device = ToInt("device", device);
  if (!driver.is_none()) {
    wish.options.driver =
        ValueOrThrow(ParseDriverChoice(ToText("driver", driver)));
  }
  wish.request.activations = Optional(&ToBytes, "activations", activations);
  wish.request.kv_memory = Optional(&ToBytes, "kv_memory", kv_memory);
  wish.request.block_tokens = ToCount("block_tokens", block_tokens);
  wish.request.kv_dtype =
      ValueOrThrow(ParseKvDtype(ToText("kv_dtype", kv_dtype)));
  wish.request.max_model_len =
      Optional(&ToCount, "max_model_len", max_model_len);
  wish.request.max_seqs = Optional(&ToCount, "max_seqs", max_seqs);

  const absl::StatusOr<Planned> planned =
      WithoutGil([&] { return MakePlan(wish); });
  if (!planned.ok()) ThrowReading(planned.status(), path);
  if (!planned->why_host.empty()) WarnOfHostDriver(planned->why_host);
  return py::module_::import("governor.report")
      .attr("Plan")(ToPython(ToJson(planned->plan, planned->model)));
}

}  // namespace

void BindPlan(py::module_& module) {
  const py::none none;
  module.def(
      "plan", &PlanForPython, py::arg("path"), py::arg("budget") = none,
      py::kw_only(), py::arg("os_reserve") = none, py::arg("allowance") = none,
      py::arg("activations") = none, py::arg("kv_memory") = none,
      py::arg("block_tokens") = 16, py::arg("kv_dtype") = "bf16",
      py::arg("max_model_len") = none, py::arg("max_seqs") = none,
      py::arg("device") = 0, py::arg("driver") = none,
      R"(plan(path, budget=None, *, os_reserve=None, allowance=None, activations=None,
     kv_memory=None, block_tokens=16, kv_dtype="bf16", max_model_len=None,
     max_seqs=None, device=0, driver=None)

What fits of the model in the file at `path` (.gguf): a Plan. Arithmetic on what
is declared: never the moment's free memory, and nothing is allocated. A plan that
does not fit is a Plan, whose `fits` is False and whose notes say what would.

Sizes are bytes, or text: "40GiB", "90%".
budget: all that may be held. Default: GOVERNOR_BUDGET; else what the device has,
    less os_reserve where it is the machine's own memory. Where there is no GPU
    and `driver` is "auto", the host driver's device stands in, with a warning.
os_reserve, allowance: as of Governor.
activations: the peak of a forward pass. Default: none is set aside.
kv_memory: plan the blocks of a KV cache of just this size.
block_tokens: tokens of a block.
kv_dtype: bf16, fp16, fp8, int8, q8_0 or q4_0.
max_model_len: tokens of the longest sequence. Default: the model's context.
max_seqs: sequences of that length that must fit. Default: 1.

Raises ValueError: an argument, or a file that is no whole model;
FileNotFoundError, PermissionError; GovernorError: a model that is not known
yet.)");
}

}  // namespace governor
