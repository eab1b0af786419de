#include "tests/fuzz/safetensors_corpus.h"

#include "governor/model/hostile_safetensors.h"
#include "governor/model/safetensors_writer.h"

namespace governor {
namespace {

SafetensorsWriter EveryDtype() {
  SafetensorsWriter writer;
  for (const SafetensorsDtype& dtype : SafetensorsDtypes()) {
    writer.Add(std::string(dtype.name), std::string(dtype.name), {4});
  }
  return writer;
}

SafetensorsWriter EveryShape() {
  SafetensorsWriter writer;
  return writer.Add("scalar", "F32", {})
      .Add("empty", "F32", {0, 3})
      .Add("eight", "U8", {1, 1, 2, 1, 1, 1, 1, 3});
}

// Two layers, packed and plain, an expert, a draft.
SafetensorsWriter SmallModel() {
  SafetensorsWriter writer;
  return writer.Add("model.embed_tokens.weight", "BF16", {4, 2})
      .Add("model.layers.0.self_attn.k_proj.weight", "BF16", {2, 2})
      .Add("model.layers.0.mlp.experts.0.up_proj.weight", "U8", {2, 1})
      .Add("model.layers.0.mlp.experts.0.up_proj.weight_scale", "F8_E4M3",
           {2, 1})
      .Add("model.layers.1.mlp.up_proj.qweight", "I32", {1, 2})
      .Add("model.layers.1.mlp.up_proj.scales", "F16", {1, 2})
      .Add("mtp.fc.weight", "BF16", {2, 2});
}

std::string Shuffled() {
  return SafetensorsOf(
      " {\"b\": {\"data_offsets\": [0, 2], \"shape\": [2], \"dtype\": \"I8\"},"
      " \"__metadata__\": {\"format\": \"pt\"},"
      " \"a\\u00e9\": {\"shape\": [2], \"dtype\": \"I8\","
      " \"data_offsets\": [2, 4]}} ",
      4);
}

void Add(const std::vector<HostileFile>& hostile,
         std::map<std::string, std::string>& files) {
  for (const HostileFile& file : hostile) files.emplace(file.name, file.bytes);
}

}  // namespace

std::map<std::string, std::string> SafetensorsCorpus() {
  std::map<std::string, std::string> files = {
      {"valid_no_tensors", SafetensorsOf("{}")},
      {"valid_every_dtype", EveryDtype().Write()},
      {"valid_every_shape", EveryShape().Write()},
      {"valid_small_model", SmallModel().Write()},
      {"valid_shuffled", Shuffled()},
  };
  Add(HostileSafetensors(), files);
  return files;
}

std::map<std::string, std::string> SafetensorsIndexCorpus() {
  ShardWriters shards;
  shards[ShardName(1, 2)] = EveryShape();
  shards[ShardName(2, 2)] = SmallModel();
  std::map<std::string, std::string> files = {
      {"valid_two_shards", IndexOf(shards)},
      {"valid_unsorted",
       "{\"weight_map\":{\"b\":\"2.safetensors\",\"a\":\"1.safetensors\","
       "\"c\":\"2.safetensors\"},\"metadata\":{\"total_size\":1.5,"
       "\"x\":[null,true,{\"y\":-1}]}}"},
  };
  Add(HostileSafetensorsIndexes(), files);
  return files;
}

}  // namespace governor
