#ifndef GOVERNOR_MODEL_GGUF_WRITER_H_
#define GOVERNOR_MODEL_GGUF_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/model/ggml_type.h"
#include "governor/model/gguf_value.h"

namespace governor {

// Little-endian bytes, one after the other.
class ByteWriter {
 public:
  ByteWriter& U8(uint8_t value) { return Unsigned(value, 1); }
  ByteWriter& U32(uint32_t value) { return Unsigned(value, 4); }
  ByteWriter& U64(uint64_t value) { return Unsigned(value, 8); }
  ByteWriter& Raw(absl::string_view bytes) {
    bytes_.append(bytes.data(), bytes.size());
    return *this;
  }
  // A string with its length in front.
  ByteWriter& String(absl::string_view text) {
    return U64(text.size()).Raw(text);
  }
  ByteWriter& Type(GgufType type) { return U32(static_cast<uint32_t>(type)); }

  const std::string& bytes() const { return bytes_; }

 private:
  ByteWriter& Unsigned(uint64_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_.push_back(char(value >> (8 * i)));
    return *this;
  }

  std::string bytes_;
};

// Writes GGUF files, right ones unless told otherwise, for tests. Each setter
// returns the writer.
class GgufWriter {
 public:
  // Counts and offsets that are absent are the true ones.
  uint32_t version = 3;
  std::optional<uint64_t> tensor_count;
  std::optional<uint64_t> metadata_count;
  uint64_t alignment = 32;
  // Zeros after the header; absent: as many as the tensors need.
  std::optional<uint64_t> data_size;

  struct Tensor {
    std::string name;
    std::vector<uint64_t> dimensions;
    uint32_t type = 0;  // F32
    std::optional<uint64_t> offset = std::nullopt;
  };

  // `value` is a type and what follows it.
  GgufWriter& Set(absl::string_view key, const ByteWriter& value) {
    metadata_.emplace_back(key, value.bytes());
    return *this;
  }
  GgufWriter& SetU32(absl::string_view key, uint32_t value) {
    return Set(key, ByteWriter().Type(GgufType::kUint32).U32(value));
  }
  GgufWriter& SetString(absl::string_view key, absl::string_view value) {
    return Set(key, ByteWriter().Type(GgufType::kString).String(value));
  }
  GgufWriter& SetU32s(absl::string_view key,
                      const std::vector<uint32_t>& values) {
    ByteWriter array;
    array.Type(GgufType::kArray).Type(GgufType::kUint32).U64(values.size());
    for (const uint32_t value : values) array.U32(value);
    return Set(key, array);
  }
  GgufWriter& SetFlags(absl::string_view key, const std::vector<bool>& flags) {
    ByteWriter array;
    array.Type(GgufType::kArray).Type(GgufType::kBool).U64(flags.size());
    for (const bool flag : flags) array.U8(flag ? 1 : 0);
    return Set(key, array);
  }
  // Takes out what was set before.
  GgufWriter& Remove(absl::string_view key) {
    std::erase_if(metadata_, [key](const auto& e) { return e.first == key; });
    return *this;
  }
  GgufWriter& Add(Tensor tensor) {
    tensors_.push_back(std::move(tensor));
    return *this;
  }
  std::vector<Tensor>& tensors() { return tensors_; }

  std::string Write() const {
    ByteWriter out;
    out.Raw("GGUF").U32(version);
    out.U64(tensor_count.value_or(tensors_.size()));
    out.U64(metadata_count.value_or(metadata_.size()));
    for (const auto& [key, value] : metadata_) out.String(key).Raw(value);
    uint64_t end = 0;
    for (const Tensor& tensor : tensors_) {
      out.String(tensor.name);
      out.U32(static_cast<uint32_t>(tensor.dimensions.size()));
      for (const uint64_t dimension : tensor.dimensions) out.U64(dimension);
      out.U32(tensor.type).U64(tensor.offset.value_or(end));
      end += Padded(SizeOf(tensor));
    }
    std::string bytes = out.bytes();
    if (tensors_.empty() && !data_size) return bytes;
    bytes.resize(Padded(bytes.size()) + data_size.value_or(end));
    return bytes;
  }

 private:
  // Wraps where the dimensions are hostile; give `data_size` then.
  static uint64_t SizeOf(const Tensor& tensor) {
    const absl::StatusOr<const GgmlType*> type = FindGgmlType(tensor.type);
    if (!type.ok()) return 0;
    uint64_t elements = 1;
    for (const uint64_t dimension : tensor.dimensions) elements *= dimension;
    return elements / (*type)->block_elements * (*type)->block_bytes;
  }
  uint64_t Padded(uint64_t size) const {
    return (size + alignment - 1) / alignment * alignment;
  }

  std::vector<std::pair<std::string, std::string>> metadata_;
  std::vector<Tensor> tensors_;
};

// A Llama of two layers: embedding 64, 4 query heads on 2 KV heads of 16, 128
// tokens of vocabulary, context 256; F32. 42,304 parameters in 20 tensors.
inline GgufWriter TinyLlama() {
  GgufWriter writer;
  writer.SetString("general.architecture", "llama")
      .SetString("general.name", "Tiny")
      .SetU32("llama.block_count", 2)
      .SetU32("llama.context_length", 256)
      .SetU32("llama.embedding_length", 64)
      .SetU32("llama.attention.head_count", 4)
      .SetU32("llama.attention.head_count_kv", 2)
      .SetU32("llama.vocab_size", 128)
      .Add({"token_embd.weight", {64, 128}});
  for (const std::string block : {"blk.0.", "blk.1."}) {
    writer.Add({block + "attn_norm.weight", {64}})
        .Add({block + "attn_q.weight", {64, 64}})
        .Add({block + "attn_k.weight", {64, 32}})
        .Add({block + "attn_v.weight", {64, 32}})
        .Add({block + "attn_output.weight", {64, 64}})
        .Add({block + "ffn_norm.weight", {64}})
        .Add({block + "ffn_gate.weight", {64, 24}})
        .Add({block + "ffn_up.weight", {64, 24}})
        .Add({block + "ffn_down.weight", {24, 64}});
  }
  return writer.Add({"output_norm.weight", {64}});
}

}  // namespace governor

#endif  // GOVERNOR_MODEL_GGUF_WRITER_H_
