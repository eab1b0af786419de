#include "bindings/python/plan_arguments.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bindings/python/arguments.h"
#include "bindings/python/errors.h"
#include "governor/driver_choice.h"
#include "governor/plan_request.h"
#include "governor/policy/default_engine.h"
#include "governor/policy/engine.h"
#include "governor/policy/kv_dtype.h"

namespace py = pybind11;

namespace governor {
namespace {

// One word of a few.
template <typename Value, size_t kSize>
Value OneOf(const std::pair<const char*, Value> (&words)[kSize],
            const char* name, py::handle value) {
  const std::string text = ToText(name, value);
  std::string all;
  for (const auto& [word, meaning] : words) {
    if (text == word) return meaning;
    absl::StrAppend(&all, all.empty() ? "" : ", ", word);
  }
  throw py::value_error(absl::StrCat("in ", name, ": expected one of ", all,
                                     "; given ", std::string(py::repr(value))));
}

Platform ToPlatform(const char* name, py::handle value) {
  static constexpr std::pair<const char*, Platform> kWords[] = {
      {"cuda", Platform::kCuda}, {"cpu", Platform::kCpu}};
  return OneOf(kWords, name, value);
}

StateDtype ToStateDtype(const char* name, py::handle value) {
  static constexpr std::pair<const char*, StateDtype> kWords[] = {
      {"float32", StateDtype::kFloat32},
      {"bfloat16", StateDtype::kBfloat16},
      {"float16", StateDtype::kFloat16}};
  return OneOf(kWords, name, value);
}

std::vector<py::object> ToList(const char* name, py::handle value) {
  // A str is a sequence, of what is certainly not meant.
  if (PyUnicode_Check(value.ptr()) || PyBytes_Check(value.ptr()) ||
      PySequence_Check(value.ptr()) == 0) {
    throw py::type_error(absl::StrCat("in ", name,
                                      ": expected a list of paths; given ",
                                      std::string(py::repr(value))));
  }
  std::vector<py::object> list;
  for (const py::handle item : value) {
    list.push_back(py::reinterpret_borrow<py::object>(item));
  }
  return list;
}

// Takes the keywords of a call one by one.
class Keywords {
 public:
  Keywords(const char* function, const py::kwargs& keywords)
      : function_(function), keywords_(keywords) {}

  // `to = convert(name, value)`, where `name` was given and is not None.
  template <typename Convert, typename To>
  bool Set(const char* name, const Convert& convert, To& to) {
    const auto key =
        py::reinterpret_steal<py::object>(PyUnicode_InternFromString(name));
    if (!key) throw py::error_already_set();
    PyObject* const value = PyDict_GetItemWithError(keywords_.ptr(), key.ptr());
    if (value == nullptr) {
      if (PyErr_Occurred() != nullptr) throw py::error_already_set();
      return false;
    }
    known_.push_back(name);
    if (value == Py_None) return false;
    to = convert(name, py::handle(value));
    return true;
  }

  // Throws where one was given that nobody took.
  void CheckAllTaken() const {
    if (known_.size() == keywords_.size()) return;
    for (const auto& [key, value] : keywords_) {
      const std::string name = ToText("keyword", key);
      if (absl::c_linear_search(known_, name)) continue;
      throw py::type_error(absl::StrCat(
          function_, "() got an unexpected keyword argument '", name, "'"));
    }
  }

 private:
  const char* const function_;
  const py::kwargs& keywords_;
  std::vector<absl::string_view> known_;
};

// What converts by `parse`, a text to a StatusOr.
template <typename Value>
auto By(absl::StatusOr<Value> (*parse)(absl::string_view)) {
  return [parse](const char* name, py::handle value) {
    return ValueOrThrow(InArgument(name, parse(ToText(name, value))));
  };
}

py::object AsItIs(const char* /*name*/, py::handle value) {
  return py::reinterpret_borrow<py::object>(value);
}

std::string ToNamedPath(const char* /*name*/, py::handle value) {
  return ToPath(value);
}

// 10^9 bytes a second, as makers of memory count.
double ToBandwidth(const char* name, py::handle value) {
  return 1e9 * ToPositive(name, value);
}

}  // namespace

PlanArguments ToPlanArguments(const char* function, py::handle budget,
                              const py::kwargs& keywords) {
  PlanArguments to;
  PlanRequest& request = to.request;
  KvLayoutRequest& layout = request.layout;
  to.options.budget = Optional(&ToSizeSpec, "budget", budget);

  Keywords from(function, keywords);
  from.Set("os_reserve", &ToSizeSpec, to.options.os_reserve);
  from.Set("allowance", &ToSizeSpec, to.options.allowance);
  from.Set("device", &ToInt, to.options.device);
  from.Set("driver", By(&ParseDriverChoice), to.options.driver);
  from.Set("device_memory", &ToBytes, to.device_memory);
  from.Set("discrete", &ToFlag, to.discrete);
  if (to.discrete && !to.device_memory) {
    throw py::value_error(
        "in discrete: True says whose the device_memory is: give that, too, "
        "for example device_memory='32GiB'");
  }

  from.Set("activations", &ToBytes, request.activations);
  from.Set("graphs", &ToBytes, request.graphs);
  from.Set("weights", &ToBytes, request.weights);
  from.Set("kv_memory", &ToBytes, request.kv_memory);
  from.Set("max_model_len", &ToCount, request.max_model_len);
  from.Set("max_seqs", &ToCount, request.max_seqs);
  from.Set("shared_prefix", &ToCount, request.shared_prefix_tokens);
  from.Set("bandwidth", &ToBandwidth, request.bandwidth);

  to.wants_flags = from.Set("engine", By(&ParseEngine), layout.engine);
  from.Set("platform", &ToPlatform, layout.platform);
  to.capability_given =
      from.Set("compute_capability", By(&ParseComputeCapability),
               layout.compute_capability);
  from.Set("tp", &ToCount, layout.tensor_parallel);
  from.Set("pp", &ToCount, layout.pipeline_parallel);
  from.Set("block_tokens", &ToCount, layout.block_tokens);
  from.Set("kv_dtype", By(&ParseKvDtype), layout.kv_dtype);
  if (!to.wants_flags) layout.engine = DefaultEngine(layout.kv_dtype);
  from.Set("state_dtype", &ToStateDtype, layout.state_dtype);
  from.Set("draft_tokens", &ToCount, layout.draft_tokens);
  from.Set("prefix_caching", &ToFlag, layout.prefix_caching);
  std::optional<uint64_t> max_batched_tokens;
  if (from.Set("max_batched_tokens", &ToCount, max_batched_tokens)) {
    layout.in_flight_tokens = InFlightTokens(layout, *max_batched_tokens);
  }

  from.Set("draft", &AsItIs, to.draft);
  from.Set("lora", &ToList, to.lora);
  from.Set("profile", &ToText, to.profile);
  from.Set("profiles", &ToNamedPath, to.profiles);
  from.Set("assume_gqa", &ToFlag, to.assume_gqa);
  from.CheckAllTaken();
  return to;
}

}  // namespace governor
