#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "governor/base/size_spec.h"
#include "governor/base/status_macros.h"
#include "governor/cli/command.h"
#include "governor/cli/driver_option.h"
#include "governor/driver/device.h"
#include "governor/model/read_model.h"
#include "governor/plan_report.h"
#include "governor/policy/device_budget.h"
#include "governor/policy/kv_planner.h"

namespace governor {
namespace {

// Names the option in what its value's parser says.
absl::Status InOption(const char* name, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("in ", name, ": ", status.message()));
}

class PlanCommand {
  // An option as given, so that what does not parse can be named. Absent is not
  // the same as empty.
  using Text = std::optional<std::string>;

 public:
  void AddTo(CLI::App& command) {
    command.add_option("MODEL", model_, "A .gguf file")->required();
    const auto size = [&](const char* name, Text& text, const char* help) {
      command.add_option(name, text, help)->type_name("SIZE");
    };
    const auto number = [&](const char* name, Text& text, const char* help) {
      command.add_option(name, text, help)->type_name("N");
    };
    size("--budget", budget_,
         "All that may be held (default: the device's memory, less the OS "
         "reserve)");
    size("--os-reserve", os_reserve_,
         "What the operating system keeps (default: max(5%, min(8GiB, 1/8)))");
    size("--device-memory", device_memory_,
         "Plan for a device of this size that shares the machine's memory, "
         "instead of asking the driver");
    size("--allowance", allowance_,
         "For context, cuBLAS and graphs (default: 1GiB)");
    size("--activations", activations_,
         "Peak of a forward pass (default: none is set aside)");
    size("--kv-memory", kv_memory_,
         "Plan the blocks of a KV cache of just this size");
    number("--block-tokens", block_tokens_, "Tokens of a block (default: 16)");
    command
        .add_option("--kv-dtype", kv_dtype_,
                    "bf16, fp16, fp8, int8, q8_0 or q4_0 (default: bf16)")
        ->type_name("NAME");
    number("--max-model-len", max_model_len_,
           "Tokens of the longest sequence (default: the model's context)");
    number("--max-seqs", max_seqs_,
           "Sequences of that length that must fit (default: 1)");
    command.add_flag("--json", json_, "Stable keys, bytes as integers");
    driver_.AddTo(command);
    command.footer(
        "Example: governor plan model.gguf --budget 40GiB --max-model-len "
        "32768\nExit status: 3 when it does not fit; what would is printed.");
  }

  // The exit code.
  int Run() const {
    absl::StatusOr<bool> fits = PrintPlan();
    if (!fits.ok()) return Report(fits.status());
    return *fits ? kDone : kDoesNotFit;
  }

 private:
  absl::StatusOr<bool> PrintPlan() const {
    PlanRequest request;
    GOVERNOR_RETURN_IF_ERROR(ReadOptions(&request));
    GOVERNOR_ASSIGN_OR_RETURN(const ModelShape model, ReadModelShape(model_));
    GOVERNOR_RETURN_IF_ERROR(ResolveBudget(&request));
    GOVERNOR_ASSIGN_OR_RETURN(const Plan plan, PlanKv(model, request));
    if (json_) {
      std::cout << ToJson(plan, model).dump(2) << "\n";
    } else {
      std::cout << ToText(plan, model);
    }
    if (plan.shortfall) {
      std::cerr << "governor: " << plan.shortfall->reason << "\n";
    }
    return plan.fits;
  }

  absl::Status ReadOptions(PlanRequest* request) const {
    GOVERNOR_RETURN_IF_ERROR(
        ReadSize("--allowance", allowance_, &request->allowance));
    GOVERNOR_RETURN_IF_ERROR(
        ReadSize("--activations", activations_, &request->activations));
    GOVERNOR_RETURN_IF_ERROR(
        ReadSize("--kv-memory", kv_memory_, &request->kv_memory));
    std::optional<uint64_t> block_tokens;
    GOVERNOR_RETURN_IF_ERROR(
        ReadNumber("--block-tokens", block_tokens_, &block_tokens));
    if (block_tokens) request->block_tokens = *block_tokens;
    GOVERNOR_RETURN_IF_ERROR(
        ReadNumber("--max-model-len", max_model_len_, &request->max_model_len));
    GOVERNOR_RETURN_IF_ERROR(
        ReadNumber("--max-seqs", max_seqs_, &request->max_seqs));
    if (kv_dtype_) {
      absl::StatusOr<KvDtype> dtype = ParseKvDtype(*kv_dtype_);
      if (!dtype.ok()) return InOption("--kv-dtype", dtype.status());
      request->kv_dtype = *dtype;
    }
    return absl::OkStatus();
  }

  // The budget and what it came from. Neither is needed when only the blocks of
  // a given KV cache are asked for.
  absl::Status ResolveBudget(PlanRequest* request) const {
    std::optional<SizeSpec> budget;
    std::optional<SizeSpec> os_reserve;
    GOVERNOR_RETURN_IF_ERROR(ReadSpec("--budget", budget_, &budget));
    GOVERNOR_RETURN_IF_ERROR(
        ReadSpec("--os-reserve", os_reserve_, &os_reserve));
    GOVERNOR_ASSIGN_OR_RETURN(
        const GovernorOptions environment,
        WithEnvironment({.budget = budget, .os_reserve = os_reserve},
                        &ReadProcessEnvironment));
    budget = environment.budget;
    os_reserve = environment.os_reserve;
    if (!request->allowance && environment.allowance) {
      request->allowance = environment.allowance->Resolve(Bytes());
    }
    if (!budget && request->kv_memory) return absl::OkStatus();
    if (budget && !budget->is_percentage() && !os_reserve) {
      request->budget = budget->Resolve(Bytes());
      return absl::OkStatus();
    }
    Bytes total;
    bool is_integrated = true;
    if (device_memory_) {
      std::optional<Bytes> declared;
      GOVERNOR_RETURN_IF_ERROR(
          ReadSize("--device-memory", device_memory_, &declared));
      total = *declared;
    } else {
      GOVERNOR_ASSIGN_OR_RETURN(const DriverOption::Choice choice,
                                driver_.Open());
      GOVERNOR_ASSIGN_OR_RETURN(const Device device,
                                Device::Open(choice.open.api, 0));
      total = device.total_memory();
      is_integrated = device.is_integrated();
    }
    const DeviceBudget offer = DeviceBudgetOf(total, is_integrated, os_reserve);
    request->os_reserve = offer.os_reserve;
    request->budget = budget ? budget->Resolve(offer.total) : offer.budget;
    return absl::OkStatus();
  }

  static absl::Status ReadSpec(const char* name, const Text& text,
                               std::optional<SizeSpec>* spec) {
    if (!text) return absl::OkStatus();
    absl::StatusOr<SizeSpec> parsed = SizeSpec::Parse(*text);
    if (!parsed.ok()) return InOption(name, parsed.status());
    *spec = *parsed;
    return absl::OkStatus();
  }

  static absl::Status ReadSize(const char* name, const Text& text,
                               std::optional<Bytes>* size) {
    if (!text) return absl::OkStatus();
    absl::StatusOr<Bytes> parsed = ParseBytes(*text);
    if (!parsed.ok()) return InOption(name, parsed.status());
    *size = *parsed;
    return absl::OkStatus();
  }

  static absl::Status ReadNumber(const char* name, const Text& text,
                                 std::optional<uint64_t>* number) {
    if (!text) return absl::OkStatus();
    uint64_t value = 0;
    if (!absl::SimpleAtoi(*text, &value)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "in ", name,
          ": not a count: a whole number, for example 128; given '",
          absl::CHexEscape(text->substr(0, 64)), "'"));
    }
    *number = value;
    return absl::OkStatus();
  }

  std::string model_;
  Text budget_, os_reserve_, device_memory_, allowance_, activations_,
      kv_memory_, block_tokens_, kv_dtype_, max_model_len_, max_seqs_;
  bool json_ = false;
  DriverOption driver_;
};

}  // namespace

void AddPlanCommand(CLI::App& app, int* exit_code) {
  auto plan = std::make_shared<PlanCommand>();
  CLI::App* command = app.add_subcommand(
      "plan", "What fits, exactly, before anything is loaded");
  plan->AddTo(*command);
  command->callback([plan, exit_code] { *exit_code = plan->Run(); });
}

}  // namespace governor
