#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "governor/adapter_weights.h"
#include "governor/base/status_macros.h"
#include "governor/cli/command.h"
#include "governor/cli/plan_options.h"
#include "governor/model/read_model.h"
#include "governor/plan_flags.h"
#include "governor/plan_profile.h"
#include "governor/plan_report.h"
#include "governor/plan_request.h"
#include "governor/policy/engine.h"
#include "governor/policy/kv_planner.h"
#include "governor/policy/plan_advice.h"
#include "governor/printable.h"
#include "governor/profile_store.h"

namespace governor {
namespace {

constexpr size_t kWaysOutShown = 3;

// A file that cannot be read is not the command line's mistake.
int ReportUnread(const absl::Status& status) {
  Report(status);
  return kFailed;
}

// Asks the driver once, and only when called.
class AskedDevice {
 public:
  explicit AskedDevice(const PlanWish& wish) : wish_(wish) {}

  std::optional<DeviceMemorySize> declared() const {
    if (!wish_.device_memory) return std::nullopt;
    return DeviceMemorySize{
        .total = *wish_.device_memory,
        .is_integrated = !wish_.discrete,
        .name = absl::StrCat("a device of ", ToString(*wish_.device_memory),
                             " that was declared")};
  }

  // Without asking.
  std::optional<DeviceMemorySize> known() const {
    return wish_.device_memory ? declared() : asked_;
  }

  absl::StatusOr<DeviceMemorySize> Ask() {
    if (asked_) return *asked_;
    std::string why_host;
    const absl::StatusOr<DeviceMemorySize> memory =
        AskDriver(wish_.options, &why_host);
    SayWhyHost(why_host);
    if (memory.ok()) asked_ = *memory;
    return memory;
  }

 private:
  const PlanWish& wish_;
  std::optional<DeviceMemorySize> asked_;
};

class PlanRun {
 public:
  explicit PlanRun(PlanWish wish) : wish_(std::move(wish)), device_(wish_) {}

  // The exit code.
  int Run() {
    if (const absl::Status read = ReadFiles(); !read.ok()) {
      return ReportUnread(read);
    }
    if (const absl::Status planned = MakePlan(); !planned.ok()) {
      return Report(planned);
    }
    Print();
    if (!wish_.save_profile) return plan_.fits ? kDone : kDoesNotFit;
    if (const absl::Status saved = SaveNewProfile(); !saved.ok()) {
      return ReportUnread(saved);
    }
    return plan_.fits ? kDone : kDoesNotFit;
  }

 private:
  absl::Status ReadFiles() {
    const ReadModelOptions how = {.assume_gqa = wish_.assume_gqa};
    GOVERNOR_ASSIGN_OR_RETURN(model_, ReadModelShape(wish_.model, how));
    if (wish_.draft) {
      GOVERNOR_ASSIGN_OR_RETURN(draft_, ReadModelShape(*wish_.draft, how));
      wish_.request.draft = &draft_;
    }
    if (!wish_.adapters.empty()) {
      GOVERNOR_ASSIGN_OR_RETURN(wish_.request.adapters,
                                ReadAdapterWeights(wish_.adapters));
    }
    if (wish_.profile || wish_.save_profile) {
      if (wish_.profiles) {
        profiles_ = *wish_.profiles;
      } else {
        GOVERNOR_ASSIGN_OR_RETURN(profiles_,
                                  DefaultProfilesPath(&ReadProcessEnvironment));
      }
    }
    if (wish_.profile) {
      GOVERNOR_ASSIGN_OR_RETURN(profile_,
                                FindProfile(profiles_, *wish_.profile));
    }
    return absl::OkStatus();
  }

  absl::Status MakePlan() {
    GOVERNOR_ASSIGN_OR_RETURN(
        request_,
        CompletePlanRequest(
            wish_.request, wish_.options, [this] { return device_.Ask(); },
            device_.declared(), wish_.capability_given));
    std::vector<std::string> notes;
    if (profile_) notes = ApplyProfile(*profile_, model_, request_);
    if (wish_.save_profile && (!request_.activations || !request_.allowance)) {
      return InOption("--save-profile",
                      absl::InvalidArgumentError(
                          "a profile holds what you measured: give "
                          "--activations and --allowance, for example "
                          "--activations 2GiB --allowance 1GiB"));
    }
    GOVERNOR_ASSIGN_OR_RETURN(plan_, PlanKv(model_, request_));
    plan_.notes.insert(plan_.notes.end(), notes.begin(), notes.end());
    advice_ = AdviceOn(plan_, model_, request_);
    if (wish_.print_flags) AddFlags();
    return absl::OkStatus();
  }

  void AddFlags() {
    PlanFlags flags = PlanFlagsOf(plan_, request_,
                                  {.model = wish_.model,
                                   .draft = wish_.draft,
                                   .adapters = wish_.adapters},
                                  device_.known());
    flags_ = std::move(flags.lines);
    plan_.notes.insert(plan_.notes.end(), flags.notes.begin(),
                       flags.notes.end());
  }

  void Print() const {
    if (wish_.json) {
      // Paths and names may be no UTF-8, which JSON must be.
      std::cout << ToJson(plan_, advice_, model_, request_, flags_)
                       .dump(2, ' ', false,
                             nlohmann::ordered_json::error_handler_t::replace)
                << "\n";
    } else {
      std::cout << ToText(plan_, advice_, model_, request_, flags_);
    }
    if (plan_.fits) return;
    std::cerr << "governor: does not fit: "
              << Printable(plan_.shortfall->reason) << "\n";
    for (size_t i = 0; i < advice_.changes.size() && i < kWaysOutShown; ++i) {
      std::cerr << "governor: way out: " << Printable(advice_.changes[i].change)
                << ": " << Printable(advice_.changes[i].buys) << "\n";
    }
  }

  absl::Status SaveNewProfile() {
    DeviceMemorySize device;
    if (const auto declared = device_.declared()) {
      device = *declared;
    } else {
      GOVERNOR_ASSIGN_OR_RETURN(device, device_.Ask());
    }
    const PlanProfile profile = {
        .name = *wish_.save_profile,
        .model = ProfileModel(model_),
        .engine = std::string(ToString(request_.layout.engine)),
        .device = device.name,
        .driver = device.driver,
        .activations = *request_.activations,
        .allowance = *request_.allowance,
        .graphs = request_.graphs,
        .stored =
            absl::FormatTime("%Y-%m-%d", absl::Now(), absl::UTCTimeZone())};
    bool replaced = false;
    GOVERNOR_RETURN_IF_ERROR(SaveProfile(profiles_, profile, &replaced));
    std::cerr << "governor: " << (replaced ? "replaced" : "stored")
              << " profile '" << profile.name << "' in " << Printable(profiles_)
              << "\n";
    return absl::OkStatus();
  }

  PlanWish wish_;
  AskedDevice device_;
  ModelShape model_;
  ModelShape draft_;
  std::string profiles_;
  std::optional<PlanProfile> profile_;
  PlanRequest request_;
  Plan plan_;
  PlanAdvice advice_;
  std::vector<std::string> flags_;
};

}  // namespace

void AddPlanCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = app.add_subcommand(
      "plan", "What fits, exactly, before anything is loaded");
  options->AddTo(*command);
  command->callback([options, exit_code] {
    absl::StatusOr<PlanWish> wish = options->Read();
    *exit_code =
        wish.ok() ? PlanRun(*std::move(wish)).Run() : Report(wish.status());
  });
}

}  // namespace governor
