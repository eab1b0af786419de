#include "governor/policy/engine_flags.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "governor/policy/sglang_layout.h"
#include "governor/policy/shell_words.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// 1000 blocks of 16 tokens and 2 MiB, two sequences of 4000 tokens.
EngineFlagsInput InputFor(Engine engine) {
  EngineFlagsInput input;
  input.model = "models/small";
  input.request.engine = engine;
  input.request.max_model_len = 4000;
  input.request.max_seqs = 2;
  input.layout.engine = engine;
  input.layout.block_tokens = 16;
  input.layout.block_by_stage = {MiB(2)};
  input.layout.sequence_by_stage = {Bytes()};
  input.num_blocks = 1000;
  input.budget = GiB(60);
  input.device_total = GiB(120);
  input.allowance = GiB(6);
  return input;
}

std::string Line(const EngineFlagsInput& input) {
  const absl::StatusOr<EngineCommand> command = EngineFlags(input);
  EXPECT_TRUE(command.ok()) << command.status();
  return command.ok() ? ToShell(*command) : "";
}

bool HasNote(const EngineFlagsInput& input, absl::string_view part) {
  const absl::StatusOr<EngineCommand> command = EngineFlags(input);
  EXPECT_TRUE(command.ok()) << command.status();
  return command.ok() &&
         std::any_of(command->notes.begin(), command->notes.end(),
                     [&](const std::string& note) {
                       return absl::StrContains(note, part);
                     });
}

TEST(EngineFlagsTest, VllmGetsBytesAndAGateThatPasses) {
  EXPECT_EQ(Line(InputFor(Engine::kVllm)),
            "vllm serve models/small --kv-cache-memory-bytes 2097152000 "
            "--max-model-len 4000 --max-num-seqs 2 "
            "--max-num-batched-tokens 8192 --gpu-memory-utilization 0.450");
}

TEST(EngineFlagsTest, VllmGetsTheBatchThatWasPlannedOnEachMachine) {
  EngineFlagsInput input = InputFor(Engine::kVllm);
  input.request.compute_capability = {8, 9};
  EXPECT_TRUE(absl::StrContains(Line(input), "--max-num-batched-tokens 2048 "));
  input.request.compute_capability = {10, 0};
  EXPECT_TRUE(
      absl::StrContains(Line(input), "--max-num-batched-tokens 16384 "));
  input.request.in_flight_tokens = 1;
  EXPECT_TRUE(absl::StrContains(Line(input), "--max-num-batched-tokens 1 "));
}

TEST(EngineFlagsTest, VllmGetsWhatWasAsked) {
  EngineFlagsInput input = InputFor(Engine::kVllm);
  input.layout.block_by_stage = {MiB(2), MiB(3)};
  input.request.kv_dtype = KvDtype::kFp8;
  input.request.block_tokens = 64;
  input.request.tensor_parallel = 4;
  input.request.pipeline_parallel = 2;
  input.request.in_flight_tokens = 24576;  // three steps: two stages
  input.request.prefix_caching = false;
  input.request.hybrid_manager = false;
  input.request.state_dtype = StateDtype::kFloat32;
  input.request.draft_tokens = 2;
  EXPECT_EQ(Line(input),
            "vllm serve models/small --kv-cache-memory-bytes 3145728000 "
            "--max-model-len 4000 --max-num-seqs 2 --kv-cache-dtype fp8 "
            "--block-size 64 --tensor-parallel-size 4 "
            "--pipeline-parallel-size 2 --max-num-batched-tokens 8192 "
            "--no-enable-prefix-caching --disable-hybrid-kv-cache-manager "
            "--mamba-ssm-cache-dtype float32 --speculative-config "
            "'{\"method\": \"mtp\", \"num_speculative_tokens\": 2}' "
            "--gpu-memory-utilization 0.450");
}

TEST(EngineFlagsTest, VllmOnACpuHasNoGate) {
  EngineFlagsInput input = InputFor(Engine::kVllm);
  input.request.platform = Platform::kCpu;
  input.request.in_flight_tokens = 2048;
  EXPECT_EQ(Line(input),
            "vllm serve models/small --kv-cache-memory-bytes 2097152000 "
            "--max-model-len 4000 --max-num-seqs 2 "
            "--max-num-batched-tokens 2048");
  input.request.in_flight_tokens = std::nullopt;
  input.request.tensor_parallel = 2;
  EXPECT_TRUE(absl::StrContains(Line(input), "--max-num-batched-tokens 4096"));
}

TEST(EngineFlagsTest, SglangGetsTokensWithoutThePaddingPage) {
  EngineFlagsInput input = InputFor(Engine::kSglang);
  input.layout.reserved_blocks = 1;
  EXPECT_EQ(Line(input),
            "python3 -m sglang.launch_server --model-path models/small "
            "--max-total-tokens 15984 --context-length 4000 "
            "--max-running-requests 2 --page-size 16 --kv-cache-dtype auto "
            "--tp-size 1 --mem-fraction-static 0.95");
}

TEST(EngineFlagsTest, SequencesAreNotLimitedUnlessSomebodyAsked) {
  const struct {
    Engine engine;
    const char* option;
  } kCases[] = {{Engine::kVllm, "--max-num-seqs"},
                {Engine::kSglang, "--max-running-requests"},
                {Engine::kTensorRtLlm, "--max_batch_size"},
                {Engine::kMax, "--max-batch-size"}};
  for (const auto& c : kCases) {
    EngineFlagsInput input = InputFor(c.engine);
    EXPECT_TRUE(absl::StrContains(Line(input), c.option)) << c.option;
    input.max_seqs_asked = false;
    EXPECT_FALSE(absl::StrContains(Line(input), c.option)) << c.option;
    // States are there for a number of sequences.
    input.layout.sequence_by_stage = {MiB(1)};
    EXPECT_TRUE(absl::StrContains(Line(input), c.option)) << c.option;
  }
  EngineFlagsInput input = InputFor(Engine::kLlamaCpp);
  input.max_seqs_asked = false;
  EXPECT_TRUE(absl::StrContains(Line(input), " -np 2 "));
}

TEST(EngineFlagsTest, AdaptersAreLoadedByTheEnginesThatNameThem) {
  EngineFlagsInput input = InputFor(Engine::kVllm);
  input.adapters = {"a/one", "a/b=c/adapter_model.safetensors"};
  EXPECT_TRUE(absl::StrContains(
      Line(input),
      " --enable-lora --max-loras 2 --lora-modules lora0=a/one "
      "'{\"name\": \"lora1\", \"path\": \"a/b=c\"}' --gpu-memory"))
      << Line(input);
  input.request.engine = Engine::kSglang;
  EXPECT_TRUE(absl::StrContains(
      Line(input), " --enable-lora --lora-paths lora0=a/one lora1=a/b=c"))
      << Line(input);
  input.request.engine = Engine::kLlamaCpp;
  input.adapters = {"-a.gguf", "b.gguf"};
  EXPECT_TRUE(absl::StrContains(Line(input), " --lora ./-a.gguf,b.gguf"))
      << Line(input);
  EXPECT_FALSE(HasNote(input, "convert_lora_to_gguf.py"));
  input.adapters = {"a", "b.gguf"};
  EXPECT_TRUE(HasNote(input, "convert_lora_to_gguf.py"));
  input.adapters = {"a,b.gguf"};
  EXPECT_FALSE(absl::StrContains(Line(input), "--lora"));
  EXPECT_TRUE(HasNote(input, "counts the adapters a,b.gguf"));
  for (const Engine engine :
       {Engine::kTensorRtLlm, Engine::kOllama, Engine::kMax}) {
    input.request.engine = engine;
    EXPECT_TRUE(HasNote(input, "counts the adapters a,b.gguf"));
  }
}

TEST(EngineFlagsTest, FoldersOfAdaptersAreNamedNotTheirFiles) {
  EngineFlagsInput input = InputFor(Engine::kSglang);
  input.adapters = {"adapter_model.safetensors", "/adapter_model.safetensors",
                    "x/my_adapter_model.safetensors"};
  EXPECT_TRUE(absl::StrContains(
      Line(input), "lora0=. lora1=/ lora2=x/my_adapter_model.safetensors"))
      << Line(input);
  EXPECT_TRUE(HasNote(input, "folder of x/my_adapter_model.safetensors"));
  EXPECT_FALSE(HasNote(input, "folder of adapter_model.safetensors"));
}

TEST(EngineFlagsTest, ADraftIsLoadedOrANoteSaysWhatToAdd) {
  EngineFlagsInput input = InputFor(Engine::kLlamaCpp);
  input.draft = "-small.gguf";
  EXPECT_TRUE(absl::StrContains(Line(input), " -md ./-small.gguf"));
  input.draft = "a \"b\"";
  input.request.engine = Engine::kVllm;
  EXPECT_FALSE(absl::StrContains(Line(input), "speculative"));
  EXPECT_TRUE(HasNote(input,
                      "Add --speculative-config '{\"model\": \"a \\\"b\\\"\", "
                      "\"num_speculative_tokens\": N}' "));
  input.request.engine = Engine::kSglang;
  EXPECT_TRUE(HasNote(input, "Add --speculative-draft-model-path 'a \"b\"', "));
  for (const Engine engine :
       {Engine::kTensorRtLlm, Engine::kOllama, Engine::kMax}) {
    input.request.engine = engine;
    EXPECT_TRUE(HasNote(input, "counts the draft model a \"b\", "));
  }
}

TEST(EngineFlagsTest, WhatIsNoGgufMustBeConvertedFirst) {
  for (const Engine engine : {Engine::kLlamaCpp, Engine::kOllama}) {
    EngineFlagsInput input = InputFor(engine);
    EXPECT_TRUE(HasNote(input, "GGUF, which models/small is not"));
    for (const char* model : {"a.gguf", "blobs/sha256-00ff"}) {
      input.model = model;
      EXPECT_FALSE(HasNote(input, "GGUF"));
    }
    input.draft = "models/draft";
    EXPECT_TRUE(HasNote(input, "GGUF, which models/draft is not"));
  }
}

TEST(EngineFlagsTest, LlamaCppSaysThatMoreWouldFitThanWasAskedFor) {
  EngineFlagsInput input = InputFor(Engine::kLlamaCpp);
  input.layout.block_tokens = 256;
  EXPECT_TRUE(HasNote(input,
                      "-c 8192 is what was asked for: 8192 cells for 2 "
                      "sequences of 4000 tokens."));
  EXPECT_TRUE(HasNote(input, "256000 cells"));
  input.num_blocks = 32;
  EXPECT_FALSE(HasNote(input, "asked for"));
  input.num_blocks = 33;
  EXPECT_TRUE(HasNote(input, "8448 cells"));
}

TEST(EngineFlagsTest, NotesAreWholeSentences) {
  for (const Engine engine :
       {Engine::kVllm, Engine::kSglang, Engine::kTensorRtLlm, Engine::kLlamaCpp,
        Engine::kOllama, Engine::kMax}) {
    EngineFlagsInput input = InputFor(engine);
    input.device_total = std::nullopt;
    input.integrated = true;
    input.draft = "draft";
    input.adapters = {"adapter.safetensors"};
    const absl::StatusOr<EngineCommand> command = EngineFlags(input);
    ASSERT_TRUE(command.ok()) << command.status();
    EXPECT_FALSE(command->notes.empty());
    for (const std::string& note : command->notes) {
      EXPECT_TRUE(absl::EndsWith(note, ".")) << note;
      EXPECT_FALSE(absl::EndsWith(note, " to.")) << note;
    }
  }
}

TEST(EngineFlagsTest, SglangSaysHowWindowsAndStatesAreKept) {
  EngineFlagsInput input = InputFor(Engine::kSglang);
  input.layout.groups.emplace_back().kind = kSglangSharedWindows;
  input.layout.sequence_by_stage = {MiB(1)};
  EXPECT_TRUE(absl::StrContains(
      Line(input), " --swa-full-tokens-ratio 0.8 --max-mamba-cache-size 10"))
      << Line(input);
  input.layout.groups[0].kind = kSglangWholeWindows;
  input.request.prefix_caching = false;
  EXPECT_TRUE(absl::StrContains(Line(input),
                                " --disable-radix-cache "
                                "--disable-hybrid-swa-memory "
                                "--max-mamba-cache-size 2"))
      << Line(input);
}

TEST(EngineFlagsTest, TensorRtLlmGetsAFileWithBytes) {
  EngineFlagsInput input = InputFor(Engine::kTensorRtLlm);
  input.request.kv_dtype = KvDtype::kFp8;
  EXPECT_EQ(Line(input),
            "cat > governor-trtllm.yaml <<'EOF'\n"
            "kv_cache_config:\n"
            "  max_gpu_total_bytes: 2097152000\n"
            "  max_tokens: 16000\n"
            "  tokens_per_block: 16\n"
            "  free_gpu_memory_fraction: 0.95\n"
            "  dtype: fp8\n"
            "  enable_block_reuse: true\n"
            "EOF\n"
            "trtllm-serve models/small --max_seq_len 4000 --max_batch_size 2 "
            "--tp_size 1 --kv_cache_free_gpu_memory_fraction 0.95 "
            "--extra_llm_api_options governor-trtllm.yaml");
}

TEST(EngineFlagsTest, LlamaCppGetsTheCellsOfAllSequencesPadded) {
  EngineFlagsInput input = InputFor(Engine::kLlamaCpp);
  EXPECT_EQ(Line(input),
            "llama-server -m models/small -c 8192 -np 2 --no-kv-unified "
            "-ctk f16 -ctv f16 -fa on -ngl 999 -ub 512 -sm none --fit off");
  input.request.kv_dtype = KvDtype::kQ8_0;
  input.request.hybrid_manager = false;
  input.request.in_flight_tokens = 4096;
  input.request.pipeline_parallel = 2;
  input.integrated = true;
  EXPECT_EQ(Line(input),
            "llama-server -m models/small -c 8192 -np 2 --no-kv-unified "
            "-ctk q8_0 -ctv q8_0 -fa on -ngl 999 -ub 4096 -b 4096 --swa-full "
            "-sm layer -ts 1,1 --fit off --cache-ram 0");
}

TEST(EngineFlagsTest, OllamaGetsItsEnvironment) {
  EngineFlagsInput input = InputFor(Engine::kOllama);
  input.request.kv_dtype = KvDtype::kQ8_0;
  input.integrated = true;
  EXPECT_EQ(Line(input),
            "OLLAMA_CONTEXT_LENGTH=4000 OLLAMA_NUM_PARALLEL=2 "
            "OLLAMA_KV_CACHE_TYPE=q8_0 OLLAMA_FLASH_ATTENTION=1 "
            "OLLAMA_MAX_LOADED_MODELS=1 OLLAMA_GPU_OVERHEAD=64424509440 "
            "LLAMA_ARG_CACHE_RAM=0 ollama serve");
}

TEST(EngineFlagsTest, OllamaRefusesWhatItCannotBeTold) {
  EngineFlagsInput input = InputFor(Engine::kOllama);
  input.request.in_flight_tokens = 1024;
  EXPECT_EQ(EngineFlags(input).status().code(),
            absl::StatusCode::kInvalidArgument);
  input = InputFor(Engine::kOllama);
  input.request.hybrid_manager = false;
  EXPECT_EQ(EngineFlags(input).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(EngineFlagsTest, MaxGetsFractionsAndItsPool) {
  EngineFlagsInput input = InputFor(Engine::kMax);
  input.request.tensor_parallel = 2;
  input.request.kv_dtype = KvDtype::kFp8;
  EXPECT_EQ(Line(input),
            "MODULAR_DEVICE_CONTEXT_MEMORY_MANAGER_SIZE_PERCENT=50 max serve "
            "--model models/small --max-length 4000 --max-batch-size 2 "
            "--kv-cache-page-size 128 --kv-cache-format float8_e4m3fn "
            "--devices gpu:0,1 "
            "--device-memory-utilization 0.500");
  input.request.block_tokens = 64;
  EXPECT_TRUE(absl::StrContains(Line(input), "--kv-cache-page-size 64 "));
}

TEST(EngineFlagsTest, SharesAreLeftOutWithANoteWhereTheDeviceIsNotKnown) {
  for (const Engine engine : {Engine::kVllm, Engine::kOllama, Engine::kMax}) {
    EngineFlagsInput input = InputFor(engine);
    input.device_total = std::nullopt;
    const absl::StatusOr<EngineCommand> command = EngineFlags(input);
    ASSERT_TRUE(command.ok()) << command.status();
    const std::string line = ToShell(*command);
    EXPECT_FALSE(absl::StrContains(line, "utilization")) << line;
    EXPECT_FALSE(absl::StrContains(line, "OVERHEAD")) << line;
    EXPECT_TRUE(std::any_of(command->notes.begin(), command->notes.end(),
                            [](const std::string& note) {
                              return absl::StrContains(note, "is left out");
                            }));
  }
}

TEST(EngineFlagsTest, AShareIsNeverRoundedUpAndNeverZero) {
  EngineFlagsInput input = InputFor(Engine::kVllm);
  input.allowance = Bytes();
  input.device_total = Bytes(1000);
  input.budget = Bytes(999);
  EXPECT_TRUE(absl::StrContains(Line(input), "utilization 0.999"));
  input.device_total = Bytes(10001);
  input.budget = Bytes(9999);
  EXPECT_TRUE(absl::StrContains(Line(input), "utilization 0.999"));
  input.budget = Bytes(1);
  EXPECT_TRUE(absl::StrContains(Line(input), "utilization 0.001"));
}

TEST(EngineFlagsTest, ADtypeThatAnEngineLacksIsRefusedWithItsOwnNames) {
  const struct {
    Engine engine;
    KvDtype dtype;
    const char* own;
  } kCases[] = {
      {Engine::kVllm, KvDtype::kQ8_0, "int8_per_token_head"},
      {Engine::kVllm, KvDtype::kInt8, "float16, bfloat16, fp8"},
      {Engine::kSglang, KvDtype::kQ4_0, "auto, bf16, fp8_e4m3, nvfp4"},
      {Engine::kTensorRtLlm, KvDtype::kQ8_0, "auto, fp8, nvfp4"},
      {Engine::kLlamaCpp, KvDtype::kFp8, "q8_0"},
      {Engine::kOllama, KvDtype::kNvfp4, "q4_0"},
      {Engine::kMax, KvDtype::kQ8_0, "float8_e4m3fn"},
  };
  for (const auto& c : kCases) {
    EngineFlagsInput input = InputFor(c.engine);
    input.request.kv_dtype = c.dtype;
    const absl::Status status = EngineFlags(input).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << ToString(c.engine);
    EXPECT_TRUE(absl::StrContains(status.message(), c.own)) << status;
  }
}

TEST(EngineFlagsTest, TensorRtLlmHasNoOptionForTheInt8OfItsOtherBackend) {
  EngineFlagsInput input = InputFor(Engine::kTensorRtLlm);
  input.request.kv_dtype = KvDtype::kInt8;
  const absl::Status status = EngineFlags(input).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_TRUE(absl::StrContains(status.message(), "TensorRT backend"))
      << status;
}

TEST(EngineFlagsTest, AModelIsOneWordAndNoOption) {
  EngineFlagsInput input = InputFor(Engine::kVllm);
  input.model = "it's; rm -rf $HOME `x`";
  EXPECT_TRUE(absl::StartsWith(Line(input),
                               "vllm serve 'it'\\''s; rm -rf $HOME `x`' --kv"))
      << Line(input);
  input.model = "--help";
  EXPECT_TRUE(absl::StartsWith(Line(input), "vllm serve ./--help "));
  for (const std::string& model :
       {std::string(), std::string("a\nb"), std::string("a\0b", 3),
        std::string("a\x1b[2Jb"), std::string("a\x7f")}) {
    input.model = model;
    EXPECT_EQ(EngineFlags(input).status().code(),
              absl::StatusCode::kInvalidArgument);
    input.model = "a";
    input.draft = model;
    EXPECT_EQ(EngineFlags(input).status().code(),
              absl::StatusCode::kInvalidArgument);
    input.draft = std::nullopt;
    input.adapters = {model};
    EXPECT_EQ(EngineFlags(input).status().code(),
              absl::StatusCode::kInvalidArgument);
    input.adapters.clear();
  }
}

TEST(EngineFlagsTest, NumbersThatCannotBeAreRefused) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max();
  for (const Engine engine :
       {Engine::kVllm, Engine::kSglang, Engine::kTensorRtLlm, Engine::kLlamaCpp,
        Engine::kOllama, Engine::kMax}) {
    EngineFlagsInput input = InputFor(engine);
    input.num_blocks = 0;
    EXPECT_EQ(EngineFlags(input).status().code(),
              absl::StatusCode::kInvalidArgument);
    input = InputFor(engine);
    input.request.tensor_parallel = kMost;
    EXPECT_EQ(EngineFlags(input).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  for (const Engine engine :
       {Engine::kVllm, Engine::kSglang, Engine::kTensorRtLlm}) {
    EngineFlagsInput input = InputFor(engine);
    input.num_blocks = kMost;
    EXPECT_EQ(EngineFlags(input).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EngineFlagsInput input = InputFor(Engine::kLlamaCpp);
  input.request.max_model_len = kMost;
  EXPECT_EQ(EngineFlags(input).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ShellWordsTest, OnlyWhatNeedsItIsQuoted) {
  EXPECT_EQ(QuotedForShell("/models/Qwen3-8B_q4.gguf"),
            "/models/Qwen3-8B_q4.gguf");
  EXPECT_EQ(QuotedForShell(""), "''");
  EXPECT_EQ(QuotedForShell("a b"), "'a b'");
  EXPECT_EQ(QuotedForShell("~/x"), "'~/x'");
  EXPECT_EQ(QuotedForShell("'"), "''\\'''");
  EXPECT_EQ(QuotedAssignment("NAME=a b"), "NAME='a b'");
}

}  // namespace
}  // namespace governor
