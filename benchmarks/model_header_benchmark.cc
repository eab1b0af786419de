// How long it takes to know a checkpoint's shape from its headers, cold: what a
// plan waits for. Two folders of sparse files with true sizes, made in the
// directory that is the argument (default: the system's temporary one) and
// removed again:
//
//   dense   a Llama of 405 B: 126 layers, 191 shards, 1,137 tensors
//   experts a mixture of 397 B: 60 layers of 512 experts, 94 shards, 92,160
//           tensors of experts
//
// Each round measures beside each other, after the files' pages were given up
// with posix_fadvise (best effort: entries of directories stay cached):
//   bytes   opening each file and reading the bytes of its header: the baseline
//   shape   ReadModelShape
// and prints medians with the least and the most, and the median of the time
// on the processor, which a busy machine lengthens less.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "governor/model/read_model.h"
#include "governor/model/safetensors_writer.h"

namespace governor {
namespace {

constexpr int kRounds = 15;

struct Folder {
  std::string path;
  std::vector<std::string> files;
  uint64_t header_bytes = 0;
  uint64_t tensors = 0;
};

void AddAttention(const std::string& layer, uint64_t hidden, uint64_t q,
                  uint64_t kv, SafetensorsWriter& shard) {
  shard.Add(layer + "input_layernorm.weight", "BF16", {hidden})
      .Add(layer + "self_attn.k_proj.weight", "BF16", {kv, hidden})
      .Add(layer + "self_attn.o_proj.weight", "BF16", {hidden, q})
      .Add(layer + "self_attn.q_proj.weight", "BF16", {q, hidden})
      .Add(layer + "self_attn.v_proj.weight", "BF16", {kv, hidden})
      .Add(layer + "post_attention_layernorm.weight", "BF16", {hidden});
}

void AddMlp(const std::string& mlp, uint64_t hidden, uint64_t inner,
            SafetensorsWriter& shard) {
  shard.Add(mlp + "down_proj.weight", "BF16", {hidden, inner})
      .Add(mlp + "gate_proj.weight", "BF16", {inner, hidden})
      .Add(mlp + "up_proj.weight", "BF16", {inner, hidden});
}

// All tensors in one list, cut into shards of about one size.
Folder Write(const std::string& path, const std::string& config,
             const SafetensorsWriter& all, int shards) {
  ShardWriters writers;
  const uint64_t share = all.TrueDataSize() / shards;
  int shard = 1;
  uint64_t filled = 0;
  for (const SafetensorsWriter::Tensor& tensor : all.tensors()) {
    uint64_t size = 2;
    for (const uint64_t dimension : tensor.shape) size *= dimension;
    if (filled + size / 2 > share * shard && shard < shards) ++shard;
    filled += size;
    writers[ShardName(shard, shards)].Add(tensor);
  }
  Folder folder{path, {}, 0, all.tensors().size()};
  std::filesystem::create_directories(path);
  const auto write = [&](const std::string& file, const std::string& text) {
    folder.files.push_back(absl::StrCat(path, "/", file));
    std::ofstream(folder.files.back(), std::ios::binary) << text;
    folder.header_bytes += text.size();
  };
  write("config.json", config);
  write("model.safetensors.index.json", IndexOf(writers));
  for (const auto& [file, writer] : writers) {
    folder.files.push_back(absl::StrCat(path, "/", file));
    writer.WriteSparse(folder.files.back());
    folder.header_bytes += writer.Header().size();
  }
  return folder;
}

Folder WriteDense(const std::string& path) {
  SafetensorsWriter all;
  all.Add("model.embed_tokens.weight", "BF16", {128256, 16384});
  for (int i = 0; i < 126; ++i) {
    const std::string layer = absl::StrCat("model.layers.", i, ".");
    AddAttention(layer, 16384, 16384, 1024, all);
    AddMlp(layer + "mlp.", 16384, 53248, all);
  }
  all.Add("model.norm.weight", "BF16", {16384})
      .Add("lm_head.weight", "BF16", {128256, 16384});
  return Write(path, R"({"model_type": "llama", "hidden_size": 16384,
      "num_attention_heads": 128, "num_key_value_heads": 8,
      "num_hidden_layers": 126, "vocab_size": 128256,
      "max_position_embeddings": 131072, "torch_dtype": "bfloat16"})",
               all, 191);
}

Folder WriteExperts(const std::string& path) {
  SafetensorsWriter all;
  all.Add("model.embed_tokens.weight", "BF16", {248320, 4096});
  for (int i = 0; i < 60; ++i) {
    const std::string layer = absl::StrCat("model.layers.", i, ".");
    AddAttention(layer, 4096, 8192, 512, all);
    all.Add(layer + "mlp.gate.weight", "BF16", {512, 4096});
    for (int k = 0; k < 512; ++k) {
      AddMlp(absl::StrCat(layer, "mlp.experts.", k, "."), 4096, 1024, all);
    }
  }
  all.Add("model.norm.weight", "BF16", {4096})
      .Add("lm_head.weight", "BF16", {248320, 4096});
  return Write(path, R"({"model_type": "qwen3_moe", "hidden_size": 4096,
      "num_attention_heads": 32, "num_key_value_heads": 2, "head_dim": 256,
      "num_hidden_layers": 60, "vocab_size": 248320, "num_experts": 512,
      "num_experts_per_tok": 10, "moe_intermediate_size": 1024,
      "max_position_embeddings": 262144, "torch_dtype": "bfloat16"})",
               all, 94);
}

void GiveUpPages(const Folder& folder) {
  for (const std::string& file : folder.files) {
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) continue;
    fdatasync(descriptor);  // dirty pages stay
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    close(descriptor);
  }
}

// What any reader has to do: the two small files whole, of each shard the
// length and then the header.
void ReadBytes(const Folder& folder) {
  std::vector<char> buffer;
  for (const std::string& file : folder.files) {
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    uint64_t length = 0;
    if (file.ends_with(".json")) {
      length = std::filesystem::file_size(file);
      buffer.resize(length);
      if (pread(descriptor, buffer.data(), length, 0) < 0) std::abort();
    } else {
      if (pread(descriptor, &length, sizeof(length), 0) < 0) std::abort();
      buffer.resize(length);
      if (pread(descriptor, buffer.data(), length, 8) < 0) std::abort();
    }
    close(descriptor);
  }
}

void ReadShape(const Folder& folder) {
  const absl::StatusOr<ModelShape> shape = ReadModelShape(folder.path);
  if (shape.ok() && shape->has_weights) return;
  std::cerr << shape.status() << "\n";
  std::abort();
}

double Milliseconds(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e3 +
         static_cast<double>(now.tv_nsec) / 1e6;
}

struct Times {
  std::vector<double> elapsed;
  std::vector<double> processor;

  void Add(const std::function<void()>& what) {
    const double start = Milliseconds(CLOCK_MONOTONIC);
    const double processor_start = Milliseconds(CLOCK_PROCESS_CPUTIME_ID);
    what();
    processor.push_back(Milliseconds(CLOCK_PROCESS_CPUTIME_ID) -
                        processor_start);
    elapsed.push_back(Milliseconds(CLOCK_MONOTONIC) - start);
  }

  void Print(const char* name) {
    std::sort(elapsed.begin(), elapsed.end());
    std::sort(processor.begin(), processor.end());
    const size_t middle = elapsed.size() / 2;
    std::printf("  %-12s %8.2f ms  (%.2f to %.2f), on the processor %.2f\n",
                name, elapsed[middle], elapsed.front(), elapsed.back(),
                processor[middle]);
  }
};

void Measure(const char* name, const Folder& folder) {
  std::printf("%s: %llu tensors, %zu files, %.2f MB of headers and index\n",
              name, static_cast<unsigned long long>(folder.tensors),
              folder.files.size(),
              static_cast<double>(folder.header_bytes) / 1e6);
  for (const bool is_cold : {true, false}) {
    Times bytes, shape;
    for (int i = 0; i < kRounds; ++i) {
      const auto time = [&](void (*what)(const Folder&), Times& times) {
        if (is_cold) GiveUpPages(folder);
        times.Add([&] { what(folder); });
      };
      if (i % 2 == 0) time(ReadBytes, bytes);
      time(ReadShape, shape);
      if (i % 2 != 0) time(ReadBytes, bytes);
    }
    bytes.Print(is_cold ? "cold bytes" : "warm bytes");
    shape.Print(is_cold ? "cold shape" : "warm shape");
  }
}

}  // namespace
}  // namespace governor

int main(int argc, char** argv) {
  const std::string path = absl::StrCat(
      argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string(),
      "/model_header_benchmark_", getpid());
  governor::Measure("dense", governor::WriteDense(path + "/dense"));
  governor::Measure("experts", governor::WriteExperts(path + "/experts"));
  std::filesystem::remove_all(path);
  return 0;
}
