#include "governor/cli/plan_options.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/plan_profile.h"
#include "governor/plan_request.h"
#include "governor/policy/default_engine.h"
#include "governor/policy/engine.h"
#include "governor/policy/kv_dtype.h"
#include "governor/printable.h"

namespace governor {
namespace {

constexpr size_t kMaxShown = 64;

void Size(CLI::App& command, const char* name, OptionText& text,
          const char* help) {
  command.add_option(name, text, help)->type_name("SIZE");
}

void Number(CLI::App& command, const char* name, OptionText& text,
            const char* help) {
  command.add_option(name, text, help)->type_name("N");
}

void Name(CLI::App& command, const char* name, OptionText& text,
          const char* help) {
  command.add_option(name, text, help)->type_name("NAME");
}

absl::Status Unknown(absl::string_view what, absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(
      what, "; given '", Printable(text.substr(0, kMaxShown)), "'"));
}

absl::StatusOr<Platform> ParsePlatform(absl::string_view text) {
  if (text == "cuda") return Platform::kCuda;
  if (text == "cpu") return Platform::kCpu;
  return Unknown("a platform is cuda or cpu", text);
}

absl::StatusOr<StateDtype> ParseStateDtype(absl::string_view text) {
  if (text == "float32") return StateDtype::kFloat32;
  if (text == "bfloat16") return StateDtype::kBfloat16;
  if (text == "float16") return StateDtype::kFloat16;
  return Unknown("a state's dtype is float32, bfloat16 or float16", text);
}

}  // namespace

void PlanOptions::AddTo(CLI::App& command) {
  AddModels(command);
  AddMemory(command);
  AddSequences(command);
  AddEngine(command);
  command.add_flag("--json", wish_.json, "Stable keys, bytes as integers");
  driver_.AddTo(command);
  command.footer(
      "Example: governor plan model.gguf --budget 40GiB --max-model-len 32768\n"
      "Example: governor plan Llama-3.1-70B/ --device-memory 128GiB --for vllm "
      "--kv-dtype fp8\n"
      "Example: governor plan model.gguf --device-memory 32GiB --discrete "
      "--compute-capability 12.0\n"
      "SIZE: KiB, MiB, GiB are 1024s; kB, MB, GB are 1000s (the kB of "
      "/proc/meminfo are KiB).\n"
      "Exit status: 0 fits, 3 does not fit (what would is printed), 2 wrong "
      "usage, 1 a file or a device cannot be read.");
}

void PlanOptions::AddModels(CLI::App& command) {
  command
      .add_option("MODEL", wish_.model,
                  "A .gguf file, a .safetensors file, or a folder with "
                  "config.json")
      ->required();
  command
      .add_option("--draft", wish_.draft,
                  "A second model, which drafts tokens for the first")
      ->type_name("MODEL");
  Number(command, "--draft-tokens", draft_tokens_,
         "Tokens that the model's own draft layers draft in each step "
         "(default: 0, those layers are not loaded)");
  command
      .add_option("--lora", wish_.adapters,
                  "An adapter that is loaded too: a .safetensors file or its "
                  "folder; may be given several times")
      ->type_name("ADAPTER")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  Size(command, "--weights", weights_,
       "Size of the weights, where the files hold none");
  command.add_flag("--assume-gqa", wish_.assume_gqa,
                   "Take a model of an unknown family for one with K and V of "
                   "every token in every layer");
}

void PlanOptions::AddMemory(CLI::App& command) {
  Size(command, "--budget", budget_,
       "All that may be held on one device (default: its memory, less the OS "
       "reserve)");
  Size(command, "--os-reserve", os_reserve_,
       "What the operating system keeps (default: max(5%, min(8GiB, 1/8)))");
  Size(command, "--device-memory", device_memory_,
       "Plan for a device of this size that shares the machine's memory, "
       "instead of asking the driver");
  command.add_flag("--discrete", wish_.discrete,
                   "The --device-memory is the card's own: nothing of it is "
                   "kept for the operating system");
  Size(command, "--allowance", allowance_,
       "For context and libraries; % is of the budget (default: 1GiB)");
  Size(command, "--activations", activations_,
       "Peak of a forward pass (default: none is set aside)");
  Size(command, "--graphs", graphs_,
       "Captured CUDA graphs (default: the allowance holds them)");
  Size(command, "--kv-memory", kv_memory_,
       "Plan the blocks of a KV cache of just this size");
  Name(command, "--profile", wish_.profile,
       "Activations, allowance and graphs as stored under this name");
  command
      .add_option("--profiles", wish_.profiles,
                  "The file of profiles (default: GOVERNOR_PROFILES, else "
                  "~/.config/governor/profiles.json)")
      ->type_name("FILE");
  Name(command, "--save-profile", wish_.save_profile,
       "Store --activations, --allowance and --graphs under this name");
  command
      .add_option("--bandwidth", bandwidth_,
                  "GB/s (10^9 bytes) that the device reads, for a bound on the "
                  "speed, for example 273")
      ->type_name("GB/s");
}

void PlanOptions::AddSequences(CLI::App& command) {
  Number(command, "--max-model-len", max_model_len_,
         "Tokens of the longest sequence (default: the model's context)");
  Number(command, "--max-seqs", max_seqs_,
         "Sequences of that length that must fit (default: 1)");
  Number(command, "--shared-prefix", shared_prefix_,
         "First tokens that all sequences have in common (default: 0)");
  Number(command, "--max-batched-tokens", max_batched_tokens_,
         "Tokens of one step (default: the engine's); windows keep them too");
  Number(command, "--block-tokens", block_tokens_,
         "Tokens of a block (default: the engine's)");
  Name(command, "--kv-dtype", kv_dtype_,
       "vllm: bf16, fp16, fp8, fp8_ds_mla, fp8_per_token_head, "
       "int8_per_token_head, int4_per_token_head, nvfp4; sglang: bf16, fp8, "
       "nvfp4; trtllm: fp8, int8, nvfp4; llama.cpp, ollama: fp32, fp16, bf16, "
       "q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl; max: fp32, bf16, fp8, nvfp4 "
       "(default: the engine's, most often the model's)");
  Name(command, "--state-dtype", state_dtype_,
       "float32, bfloat16 or float16, of linear states (default: the model's)");
  command.add_flag("--no-prefix-caching", no_prefix_caching_,
                   "The engine's prefix caching is off");
}

void PlanOptions::AddEngine(CLI::App& command) {
  command
      .add_option("--for", engine_,
                  "Lay the KV cache out as this engine does, and print its "
                  "flags: vllm, sglang, llama.cpp, trtllm (TensorRT-LLM), "
                  "ollama or max (Modular MAX). Default: vllm, or llama.cpp "
                  "or trtllm for KV dtypes that only they have; no flags")
      ->type_name("ENGINE");
  Name(command, "--platform", platform_, "cuda or cpu (default: cuda)");
  command
      .add_option("--compute-capability", compute_capability_,
                  "Of the device, for example 9.0 (default: that of the "
                  "device where it was asked, else 12.1)")
      ->type_name("X.Y");
  Number(command, "--tp", tp_, "Tensor-parallel ranks (default: 1)");
  Number(command, "--pp", pp_, "Pipeline stages (default: 1)");
}

absl::StatusOr<PlanWish> PlanOptions::Read() const {
  PlanWish wish = wish_;
  wish.print_flags = engine_.has_value();
  wish.capability_given = compute_capability_.has_value();
  GOVERNOR_RETURN_IF_ERROR(ReadSizes(wish));
  GOVERNOR_RETURN_IF_ERROR(ReadSequences(wish.request));
  GOVERNOR_RETURN_IF_ERROR(ReadLayout(wish.request.layout));
  if (wish.save_profile) {
    const absl::Status status = CheckProfile({.name = *wish.save_profile});
    if (!status.ok()) return InOption("--save-profile", status);
  }
  GOVERNOR_ASSIGN_OR_RETURN(wish.options, driver_.Read(wish.options));
  return wish;
}

absl::Status PlanOptions::ReadSizes(PlanWish& wish) const {
  PlanRequest& request = wish.request;
  GOVERNOR_RETURN_IF_ERROR(
      ReadSize("--activations", activations_, &request.activations));
  GOVERNOR_RETURN_IF_ERROR(ReadSize("--graphs", graphs_, &request.graphs));
  GOVERNOR_RETURN_IF_ERROR(ReadSize("--weights", weights_, &request.weights));
  GOVERNOR_RETURN_IF_ERROR(
      ReadSize("--kv-memory", kv_memory_, &request.kv_memory));
  GOVERNOR_RETURN_IF_ERROR(
      ReadBandwidth("--bandwidth", bandwidth_, &request.bandwidth));
  GOVERNOR_RETURN_IF_ERROR(
      ReadSize("--device-memory", device_memory_, &wish.device_memory));
  if (wish.discrete && !wish.device_memory) {
    return InOption("--discrete",
                    absl::InvalidArgumentError(
                        "says whose the --device-memory is: give that, too, "
                        "for example --device-memory 32GiB --discrete"));
  }
  GovernorOptions& options = wish.options;
  GOVERNOR_RETURN_IF_ERROR(ReadSpec("--budget", budget_, &options.budget));
  GOVERNOR_RETURN_IF_ERROR(
      ReadSpec("--os-reserve", os_reserve_, &options.os_reserve));
  return ReadSpec("--allowance", allowance_, &options.allowance);
}

absl::Status PlanOptions::ReadSequences(PlanRequest& request) const {
  GOVERNOR_RETURN_IF_ERROR(
      ReadNumber("--max-model-len", max_model_len_, &request.max_model_len));
  GOVERNOR_RETURN_IF_ERROR(
      ReadNumber("--max-seqs", max_seqs_, &request.max_seqs));
  std::optional<uint64_t> shared;
  GOVERNOR_RETURN_IF_ERROR(
      ReadNumber("--shared-prefix", shared_prefix_, &shared));
  request.shared_prefix_tokens = shared.value_or(0);
  return absl::OkStatus();
}

absl::Status PlanOptions::ReadLayout(KvLayoutRequest& layout) const {
  GOVERNOR_RETURN_IF_ERROR(
      ReadParsed("--for", engine_, &ParseEngine, &layout.engine));
  GOVERNOR_RETURN_IF_ERROR(
      ReadParsed("--platform", platform_, &ParsePlatform, &layout.platform));
  GOVERNOR_RETURN_IF_ERROR(
      ReadParsed("--compute-capability", compute_capability_,
                 &ParseComputeCapability, &layout.compute_capability));
  GOVERNOR_RETURN_IF_ERROR(
      ReadParsed("--kv-dtype", kv_dtype_, &ParseKvDtype, &layout.kv_dtype));
  if (!engine_) layout.engine = DefaultEngine(layout.kv_dtype);
  GOVERNOR_RETURN_IF_ERROR(ReadParsed("--state-dtype", state_dtype_,
                                      &ParseStateDtype, &layout.state_dtype));
  GOVERNOR_RETURN_IF_ERROR(
      ReadNumber("--block-tokens", block_tokens_, &layout.block_tokens));
  std::optional<uint64_t> count;
  GOVERNOR_RETURN_IF_ERROR(ReadNumber("--tp", tp_, &count));
  layout.tensor_parallel = count.value_or(1);
  count.reset();
  GOVERNOR_RETURN_IF_ERROR(ReadNumber("--pp", pp_, &count));
  layout.pipeline_parallel = count.value_or(1);
  count.reset();
  GOVERNOR_RETURN_IF_ERROR(ReadNumber("--draft-tokens", draft_tokens_, &count));
  layout.draft_tokens = count.value_or(0);
  layout.prefix_caching = !no_prefix_caching_;
  count.reset();
  GOVERNOR_RETURN_IF_ERROR(
      ReadNumber("--max-batched-tokens", max_batched_tokens_, &count));
  if (count) {
    layout.in_flight_tokens = InFlightTokens(layout, *count);
  }
  return absl::OkStatus();
}

}  // namespace governor
