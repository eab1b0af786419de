#ifndef GOVERNOR_BINDINGS_PYTHON_PLAN_DOCS_H_
#define GOVERNOR_BINDINGS_PYTHON_PLAN_DOCS_H_

namespace governor {

// Docstrings of governor.plan, governor.read_model and governor.Model.

inline constexpr char kPlanDoc[] =
    R"(plan(path, budget=None, *, ...)

What fits of the model at `path`: a Plan. `path` is a .gguf file, a .safetensors
file, or a Hugging Face folder (config.json and its shards). Arithmetic on what is
declared: only headers are read, never the moment's free memory, and nothing is
allocated. A plan that does not fit is a Plan, whose `fits` is False and whose
`changes` say what would.

Sizes are bytes, or text: "40GiB", "117GB" (10^9 each), "90%" where a total is
known. What is absent or None is the engine's own default, or the model's.

Memory, of one device:
  budget: all that may be held. Default: GOVERNOR_BUDGET; else what the device has,
      less os_reserve where it is the machine's own memory. Where there is no GPU
      and `driver` is "auto", the host driver's device stands in, with a warning.
  os_reserve, allowance: as of Governor.
  device_memory: plan for a device of this size that shares the machine's memory,
      instead of asking the driver. With discrete=True the memory is the device's
      own: nothing of it is kept for the operating system.
  activations: the peak of a forward pass. Default: none is set aside.
  graphs: captured CUDA graphs. Default: none, the allowance holds them.
  weights: stands in for the weights of a model whose files hold none.
  kv_memory: plan the blocks of a KV cache of just this size.
Sequences:
  max_model_len: tokens of the longest. Default: the model's context.
  max_seqs: how many of that length must fit. Default: 1.
  shared_prefix: tokens that all of them begin with.
Engine:
  engine: vllm (default, but for a kv_dtype that only others have), sglang, llama.cpp, trtllm, ollama or max. Where it is
      given, the Plan's `engine_flags` are its command line.
  platform: cuda (default) or cpu. compute_capability: as text, "9.0". Default: that of
      the device where it was asked, else "12.1".
  tp, pp: ranks over which each layer, and pipeline stages over which the layers
      are split. Default: 1.
  block_tokens: tokens of a block.
  kv_dtype: bf16, fp16, fp8, int8, q8_0, q4_0, ...
  state_dtype: float32, bfloat16 or float16, of linear states.
  max_batched_tokens: that the engine computes in one step.
  prefix_caching: True or False.
Beside the model:
  draft: a path or a Model that drafts tokens.
  draft_tokens: drafted by the model's own draft layers in each step.
  lora: a list of adapters, each a .safetensors file or a folder.
Else:
  bandwidth: of the device's memory, in GB/s (10^9 bytes a second): gives
      decode_tokens_per_second_bound.
  profile: activations and allowance as stored under this name, in the file
      `profiles`.
  assume_gqa: go on with a model of an unknown family as if all its layers were
      full attention with grouped heads.
  device, driver: which to ask for its memory.

Costs the reading of the headers: milliseconds. To plan a model many times, read it
once with read_model.

Raises ValueError or TypeError: an argument, or a file that is no whole model;
FileNotFoundError, PermissionError; GovernorError: a model, or an engine's layout
of it, that is not known yet; MemoryError.)";

inline constexpr char kReadModelDoc[] =
    R"(read_model(path, *, assume_gqa=False)

A Model: what the headers at `path` say, for any number of plans. `path` and
`assume_gqa` are plan's, and so are the errors.)";

inline constexpr char kModelDoc[] =
    R"(What the files of a model say of it. Made by read_model; never changes.)";

inline constexpr char kModelPlanDoc[] =
    R"(plan(budget=None, *, ...)

As governor.plan, with all its keywords, but reads no file of this model again:
about a tenth of a millisecond where `budget` is a number of bytes. A percentage, or
no budget, asks the driver; `draft`, `lora` and `profile` read what they name
(`assume_gqa` is of `draft`). What takes longer, the Plan's `model` and its
`changes`, is worked out when it is first looked at.)";

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_PLAN_DOCS_H_
