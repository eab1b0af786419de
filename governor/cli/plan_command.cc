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
#include "governor/model/read_model.h"
#include "governor/plan_report.h"
#include "governor/plan_request.h"
#include "governor/policy/kv_planner.h"

namespace governor {
namespace {

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
         "For context, cuBLAS and graphs; % is of the budget (default: 1GiB)");
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
  // The command line and the environment, every value of them checked.
  struct Given {
    PlanRequest request;
    GovernorOptions options;
    std::optional<Bytes> device_memory;
  };

  absl::StatusOr<bool> PrintPlan() const {
    GOVERNOR_ASSIGN_OR_RETURN(const Given given, Read());
    GOVERNOR_ASSIGN_OR_RETURN(const ModelShape model, ReadModelShape(model_));
    GOVERNOR_ASSIGN_OR_RETURN(
        const PlanRequest request,
        CompletePlanRequest(given.request, given.options,
                            [&] { return MemoryOfDevice(given); }));
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

  static absl::StatusOr<DeviceMemorySize> MemoryOfDevice(const Given& given) {
    if (given.device_memory) return DeviceMemorySize{*given.device_memory};
    std::string why_host;
    absl::StatusOr<DeviceMemorySize> memory =
        AskDriver(given.options, &why_host);
    SayWhyHost(why_host);
    return memory;
  }

  absl::StatusOr<Given> Read() const {
    Given given;
    GOVERNOR_RETURN_IF_ERROR(ReadRequest(given.request));
    GOVERNOR_RETURN_IF_ERROR(
        ReadSize("--device-memory", device_memory_, &given.device_memory));
    GovernorOptions& options = given.options;
    GOVERNOR_RETURN_IF_ERROR(ReadSpec("--budget", budget_, &options.budget));
    GOVERNOR_RETURN_IF_ERROR(
        ReadSpec("--os-reserve", os_reserve_, &options.os_reserve));
    GOVERNOR_RETURN_IF_ERROR(
        ReadSpec("--allowance", allowance_, &options.allowance));
    GOVERNOR_ASSIGN_OR_RETURN(options, driver_.Read(options));
    return given;
  }

  absl::Status ReadRequest(PlanRequest& request) const {
    GOVERNOR_RETURN_IF_ERROR(
        ReadSize("--activations", activations_, &request.activations));
    GOVERNOR_RETURN_IF_ERROR(
        ReadSize("--kv-memory", kv_memory_, &request.kv_memory));
    std::optional<uint64_t> block_tokens;
    GOVERNOR_RETURN_IF_ERROR(
        ReadNumber("--block-tokens", block_tokens_, &block_tokens));
    if (block_tokens) request.block_tokens = *block_tokens;
    GOVERNOR_RETURN_IF_ERROR(
        ReadNumber("--max-model-len", max_model_len_, &request.max_model_len));
    GOVERNOR_RETURN_IF_ERROR(
        ReadNumber("--max-seqs", max_seqs_, &request.max_seqs));
    if (kv_dtype_) {
      absl::StatusOr<KvDtype> dtype = ParseKvDtype(*kv_dtype_);
      if (!dtype.ok()) return InOption("--kv-dtype", dtype.status());
      request.kv_dtype = *dtype;
    }
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
