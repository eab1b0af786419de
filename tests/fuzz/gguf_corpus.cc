#include "tests/fuzz/gguf_corpus.h"

#include "governor/model/family_ggufs.h"
#include "governor/model/gguf_writer.h"
#include "governor/model/hostile_gguf.h"
#include "governor/model/hostile_gguf_shape.h"

namespace governor {
namespace {

// The smallest model that can be planned.
GgufWriter SmallLlama() {
  GgufWriter writer;
  return writer.SetString("general.architecture", "llama")
      .SetString("general.name", "Small")
      .SetU32("llama.block_count", 2)
      .SetU32("llama.context_length", 256)
      .SetU32("llama.embedding_length", 8)
      .SetU32("llama.attention.head_count", 4)
      .SetU32s("llama.attention.head_count_kv", {2, 4})
      .SetU32("llama.vocab_size", 4)
      .Add({"token_embd.weight", {8, 4}})
      .Add({"blk.0.attn_k.weight", {8, 4}})
      .Add({"blk.1.attn_k.weight", {8, 8}})
      .Add({"output.weight", {32, 4}, 8});
}

// Dimensions whose products wrap: for those who plan it.
std::string WithLargestHeads() {
  GgufWriter writer = FamilyGgufs().at("gemma3");
  for (const std::string field :
       {"attention.key_length", "attention.value_length"}) {
    writer.Set("gemma3." + field,
               ByteWriter().Type(GgufType::kUint64).U64(UINT64_MAX));
  }
  return writer.Write();
}

std::string WithEveryValue() {
  GgufWriter writer;
  writer.version = 2;
  ByteWriter words;
  words.Type(GgufType::kArray).Type(GgufType::kString).U64(2);
  ByteWriter nested;
  nested.Type(GgufType::kArray).Type(GgufType::kArray).U64(1);
  writer.Set("bool", ByteWriter().Type(GgufType::kBool).U8(1))
      .Set("int8", ByteWriter().Type(GgufType::kInt8).U8(0xFF))
      .Set("uint64", ByteWriter().Type(GgufType::kUint64).U64(UINT64_MAX))
      .Set("float32", ByteWriter().Type(GgufType::kFloat32).U32(0x3FC00000))
      .Set("float64", ByteWriter().Type(GgufType::kFloat64).U64(1))
      .Set("words", words.String("one").String("two"))
      .Set("nested", nested.Type(GgufType::kUint8).U64(2).U8(1).U8(2));
  return writer.Write();
}

}  // namespace

std::map<std::string, std::string> GgufCorpus() {
  std::map<std::string, std::string> files = {
      {"valid_no_tensors", GgufWriter().Write()},
      {"valid_small_llama", SmallLlama().Write()},
      {"valid_small_largest_heads", WithLargestHeads()},
      {"valid_every_value", WithEveryValue()},
  };
  for (const auto& [architecture, writer] : FamilyGgufs()) {
    files.emplace("valid_small_family_" + architecture, writer.Write());
  }
  for (const HostileGguf& hostile : HostileGgufs()) {
    files.emplace(hostile.name, hostile.bytes);
  }
  for (const HostileGguf& hostile : HostileGgufShapes()) {
    files.emplace(hostile.name, hostile.bytes);
  }
  return files;
}

}  // namespace governor
