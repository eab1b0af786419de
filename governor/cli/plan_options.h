#ifndef GOVERNOR_CLI_PLAN_OPTIONS_H_
#define GOVERNOR_CLI_PLAN_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/cli/driver_option.h"
#include "governor/cli/option_values.h"
#include "governor/options.h"
#include "governor/policy/plan.h"

namespace governor {

// What a command line asks a plan for, every value of it checked, no file read
// and no device asked.
struct PlanWish {
  std::string model;  // a path, as the next three
  std::optional<std::string> draft;
  std::vector<std::string> adapters;
  std::optional<std::string> profiles;
  // But for what the files, the profile and the device say.
  PlanRequest request;
  GovernorOptions options;
  std::optional<Bytes> device_memory;
  bool discrete = false;  // device_memory is the device's own
  bool capability_given = false;
  bool assume_gqa = false;
  std::optional<std::string> profile;       // the name of one to use
  std::optional<std::string> save_profile;  // the name to save one under
  bool print_flags = false;                 // --for was given
  bool json = false;
};

// The options of `governor plan`.
class PlanOptions {
 public:
  // Both outlive the parsing.
  void AddTo(CLI::App& command);

  // INVALID_ARGUMENT, naming option or variable, what was given and an example:
  // one that does not parse, used or not.
  absl::StatusOr<PlanWish> Read() const;

 private:
  void AddMemory(CLI::App& command);
  void AddSequences(CLI::App& command);
  void AddModels(CLI::App& command);
  void AddEngine(CLI::App& command);

  absl::Status ReadSizes(PlanWish& wish) const;
  absl::Status ReadSequences(PlanRequest& request) const;
  absl::Status ReadLayout(KvLayoutRequest& layout) const;

  PlanWish wish_;  // what needs no reading
  OptionText budget_, os_reserve_, device_memory_, allowance_, activations_,
      graphs_, weights_, kv_memory_, bandwidth_;
  OptionText max_model_len_, max_seqs_, shared_prefix_, block_tokens_,
      kv_dtype_, state_dtype_, max_batched_tokens_;
  OptionText engine_, platform_, compute_capability_, tp_, pp_, draft_tokens_;
  bool no_prefix_caching_ = false;
  DriverOption driver_;
};

}  // namespace governor

#endif  // GOVERNOR_CLI_PLAN_OPTIONS_H_
