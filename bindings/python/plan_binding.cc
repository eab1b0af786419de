#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "bindings/python/arguments.h"
#include "bindings/python/bindings.h"
#include "bindings/python/errors.h"
#include "bindings/python/json_to_python.h"
#include "bindings/python/plan_arguments.h"
#include "bindings/python/plan_docs.h"
#include "governor/adapter_weights.h"
#include "governor/base/bytes.h"
#include "governor/base/status_macros.h"
#include "governor/driver_choice.h"
#include "governor/model/read_model.h"
#include "governor/options.h"
#include "governor/plan_flags.h"
#include "governor/plan_profile.h"
#include "governor/plan_report.h"
#include "governor/plan_request.h"
#include "governor/policy/kv_planner.h"
#include "governor/policy/plan_advice.h"
#include "governor/profile_store.h"

namespace py = pybind11;

namespace governor {
namespace {

// A model as its files had it, for any number of plans.
struct ReadModel {
  std::string path;
  ModelShape shape;
  // The same without its layers: writing those takes longer than planning them.
  ModelShape outline;
};
using SharedModel = std::shared_ptr<const ReadModel>;

struct PyModel {
  SharedModel model;
};

// A plan and all that it was made of.
struct Planned {
  SharedModel model;
  SharedModel draft;
  std::vector<std::string> adapters;  // paths
  PlanRequest request;
  Plan plan;
  std::vector<std::string> engine_flags;
  std::string why_host;  // not empty: the host driver stood in for CUDA
};

SharedModel ReadOrThrow(py::handle path, bool assume_gqa) {
  const std::string name = ToPath(path);
  absl::StatusOr<SharedModel> model =
      WithoutGil([&]() -> absl::StatusOr<SharedModel> {
        auto read = std::make_shared<ReadModel>();
        read->path = name;
        GOVERNOR_ASSIGN_OR_RETURN(
            read->shape, ReadModelShape(name, {.assume_gqa = assume_gqa}));
        read->outline = read->shape;
        read->outline.layers.clear();
        return read;
      });
  if (!model.ok()) ThrowReading(model.status(), path);
  return *std::move(model);
}

SharedModel DraftOrThrow(const PlanArguments& arguments) {
  if (!arguments.draft) return nullptr;
  if (py::isinstance<PyModel>(arguments.draft)) {
    return arguments.draft.cast<const PyModel&>().model;
  }
  return ReadOrThrow(arguments.draft, arguments.assume_gqa);
}

// Each by itself, so that the one that cannot be read is named.
std::optional<Bytes> AdaptersOrThrow(const std::vector<py::object>& paths) {
  if (paths.empty()) return std::nullopt;
  std::optional<Bytes> sum = Bytes();
  for (const py::object& path : paths) {
    const std::string name = ToPath(path);
    const absl::StatusOr<Bytes> size =
        WithoutGil([&] { return ReadAdapterWeights({name}); });
    if (!size.ok()) ThrowReading(size.status(), path);
    sum = CheckedAdd(*sum, *size);
    if (!sum) {
      throw py::value_error("in lora: the adapters pass 2^64 - 1 bytes");
    }
  }
  return sum;
}

std::optional<PlanProfile> ProfileOrThrow(const PlanArguments& arguments) {
  if (!arguments.profile) return std::nullopt;
  const std::string path =
      arguments.profiles
          ? *arguments.profiles
          : ValueOrThrow(DefaultProfilesPath(&ReadProcessEnvironment));
  bool is_there = true;
  absl::StatusOr<PlanProfile> profile = WithoutGil([&] {
    absl::StatusOr<PlanProfile> found = FindProfile(path, *arguments.profile);
    // Not found may be the file, or the profile in it.
    if (absl::IsNotFound(found.status())) {
      is_there = !absl::IsNotFound(ReadProfiles(path).status());
    }
    return found;
  });
  if (absl::IsNotFound(profile.status()) && is_there) {
    throw py::value_error(
        absl::StrCat("in profile: ", profile.status().message()));
  }
  if (!profile.ok()) {
    ThrowReading(profile.status(),
                 py::reinterpret_steal<py::str>(
                     PyUnicode_DecodeFSDefault(path.c_str())));
  }
  return *std::move(profile);
}

absl::Status MakePlan(const PlanArguments& arguments,
                      const std::optional<PlanProfile>& profile,
                      Planned& planned) {
  GOVERNOR_ASSIGN_OR_RETURN(
      const GovernorOptions options,
      WithEnvironment(arguments.options, &ReadProcessEnvironment));
  // What is known of the device: it is asked only where the budget needs it.
  std::optional<DeviceMemorySize> device;
  if (arguments.device_memory) {
    device = DeviceMemorySize{.total = *arguments.device_memory,
                              .is_integrated = !arguments.discrete};
  }
  const auto ask = [&]() -> absl::StatusOr<DeviceMemorySize> {
    GOVERNOR_ASSIGN_OR_RETURN(device, AskDriver(options, &planned.why_host));
    return *device;
  };
  PlanRequest& request = planned.request;
  GOVERNOR_ASSIGN_OR_RETURN(request,
                            CompletePlanRequest(request, options, ask, device,
                                                arguments.capability_given));
  std::vector<std::string> notes;
  if (profile) notes = ApplyProfile(*profile, planned.model->shape, request);
  GOVERNOR_ASSIGN_OR_RETURN(planned.plan,
                            PlanKv(planned.model->shape, request));
  absl::c_move(notes, std::back_inserter(planned.plan.notes));
  if (arguments.wants_flags) {
    PlanPaths paths = {.model = planned.model->path,
                       .adapters = planned.adapters};
    if (planned.draft != nullptr) paths.draft = planned.draft->path;
    PlanFlags flags = PlanFlagsOf(planned.plan, request, paths, device);
    planned.engine_flags = std::move(flags.lines);
    absl::c_move(flags.notes, std::back_inserter(planned.plan.notes));
  }
  return absl::OkStatus();
}

void WarnOfHostDriver(const std::string& why_host) {
  const std::string warning =
      why_host + "; planning for the host driver's device";
  if (PyErr_WarnEx(PyExc_RuntimeWarning, warning.c_str(), 1) != 0) {
    throw py::error_already_set();
  }
}

// What takes longer than the plan itself: its layers, and the advice.
py::object Complete(const Planned& planned) {
  return ToPython(WithoutGil([&] {
    return ToJson(planned.plan,
                  AdviceOn(planned.plan, planned.model->shape, planned.request),
                  planned.model->shape, planned.request, planned.engine_flags);
  }));
}

py::object Numbers(const Planned& planned) {
  py::object numbers =
      ToPython(ToJson(planned.plan, PlanAdvice(), planned.model->outline,
                      planned.request, planned.engine_flags));
  numbers.attr("pop")("model");
  numbers.attr("pop")("changes");
  return numbers;
}

py::object PlanOf(SharedModel model, const PlanArguments& arguments) {
  auto planned = std::make_shared<Planned>();
  planned->model = std::move(model);
  planned->draft = DraftOrThrow(arguments);
  planned->request = arguments.request;
  planned->request.adapters = AdaptersOrThrow(arguments.lora);
  for (const py::object& path : arguments.lora) {
    planned->adapters.push_back(ToPath(path));
  }
  if (planned->draft != nullptr) {
    planned->request.draft = &planned->draft->shape;
  }
  const std::optional<PlanProfile> profile = ProfileOrThrow(arguments);
  OkOrThrow(WithoutGil([&] { return MakePlan(arguments, profile, *planned); }));
  if (!planned->why_host.empty()) WarnOfHostDriver(planned->why_host);
  return py::module_::import("governor.report")
      .attr("Plan")(Numbers(*planned),
                    py::cpp_function([planned] { return Complete(*planned); }));
}

py::object PlanOfFile(py::handle path, py::handle budget,
                      const py::kwargs& keywords) {
  const PlanArguments arguments = ToPlanArguments("plan", budget, keywords);
  return PlanOf(ReadOrThrow(path, arguments.assume_gqa), arguments);
}

py::object PlanOfModel(const PyModel& self, py::handle budget,
                       const py::kwargs& keywords) {
  return PlanOf(self.model, ToPlanArguments("plan", budget, keywords));
}

py::object ReadModelOf(py::handle path, py::handle assume_gqa) {
  const bool is_assumed = ToFlag("assume_gqa", assume_gqa);
  auto [object, model] = NewEmpty<PyModel>();
  model.model = ReadOrThrow(path, is_assumed);
  return object;
}

py::str Represent(const PyModel& self) {
  const ModelShape& shape = self.model->shape;
  return py::str("<governor.Model {!r}: {}, {} layers, weights {}>")
      .format(shape.name, shape.architecture, shape.layers.size(),
              ToString(shape.weights));
}

}  // namespace

void BindPlan(py::module_& module) {
  const py::none none;
  py::class_<PyModel> model(module, "Model", kModelDoc, py::is_final());
  ForbidNew(model);
  const auto shape = [](const py::object& self) -> const ModelShape& {
    return self.cast<const PyModel&>().model->shape;
  };
  model.def("plan", &PlanOfModel, py::arg("budget") = none, kModelPlanDoc)
      .def_property_readonly(
          "architecture",
          [shape](const py::object& self) { return shape(self).architecture; },
          "As the model's files spell it: 'llama'.")
      .def_property_readonly(
          "name", [shape](const py::object& self) { return shape(self).name; },
          "'' where the files do not say.")
      .def_property_readonly(
          "parameters",
          [shape](const py::object& self) { return shape(self).parameters; },
          "Elements of all tensors.")
      .def_property_readonly(
          "layers",
          [shape](const py::object& self) { return shape(self).layers.size(); },
          "How many, those that draft not counted.")
      .def_property_readonly(
          "context_length",
          [shape](const py::object& self) {
            return shape(self).context_length;
          },
          "Tokens that it was made for.")
      .def_property_readonly(
          "weights_bytes",
          [shape](const py::object& self) {
            return shape(self).weights.count();
          },
          "Bytes of all tensors; 0 where the files hold none.")
      .def("__repr__", &Represent);

  module.def("read_model", &ReadModelOf, py::arg("path"), py::kw_only(),
             py::arg("assume_gqa") = false, kReadModelDoc);
  module.def("plan", &PlanOfFile, py::arg("path"), py::arg("budget") = none,
             kPlanDoc);
}

}  // namespace governor
