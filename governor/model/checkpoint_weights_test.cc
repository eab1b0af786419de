#include "governor/model/checkpoint_weights.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Shards without files.
Checkpoint CheckpointOf(const ShardWriters& shards) {
  Checkpoint checkpoint;
  for (const auto& [file, writer] : shards) {
    absl::StatusOr<Safetensors> header =
        ParseSafetensors(MemoryByteSource(writer.Write()));
    EXPECT_TRUE(header.ok()) << header.status();
    checkpoint.shards.push_back({file, *std::move(header)});
  }
  return checkpoint;
}

ModelShape ShapeWith(int layers, int drafts = 0) {
  ModelShape shape;
  shape.layers.resize(layers);
  shape.draft_layers.resize(drafts);
  shape.has_weights = false;
  return shape;
}

// Two layers, 8 bytes in each tensor but the norms, which have 4.
SafetensorsWriter TwoLayers() {
  SafetensorsWriter writer;
  writer.Add("model.embed_tokens.weight", "BF16", {4})
      .Add("lm_head.weight", "BF16", {4})
      .Add("model.norm.weight", "F32", {1})
      .Add("model.visual.blocks.0.attn.qkv.weight", "BF16", {4});
  for (const std::string layer : {"model.layers.0.", "model.layers.1."}) {
    writer.Add(layer + "input_layernorm.weight", "F32", {1})
        .Add(layer + "self_attn.q_proj.weight", "BF16", {4});
  }
  return writer;
}

TEST(CheckpointWeightsTest, EachPartGetsItsBytes) {
  SafetensorsWriter writer = TwoLayers();
  writer.Add("model.layers.1.mlp.gate.weight", "BF16", {4})
      .Add("model.layers.1.mlp.experts.0.up_proj.weight", "BF16", {4})
      .Add("model.layers.1.mlp.experts.1.up_proj.weight", "BF16", {4});
  ModelShape shape = ShapeWith(2);
  const absl::Status status =
      AddWeights(CheckpointOf({{"m.safetensors", writer}}), shape);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(shape.has_weights);
  EXPECT_EQ(shape.weights, Bytes(3 * 8 + 4 + 2 * 12 + 3 * 8));
  EXPECT_EQ(shape.outer.embedding, Bytes(8));
  EXPECT_EQ(shape.outer.head, Bytes(8));
  EXPECT_EQ(shape.outer.replicated, Bytes(4));
  EXPECT_EQ(shape.outer.towers, Bytes(8));
  EXPECT_EQ(shape.layers[0].weights, Bytes(12));
  EXPECT_EQ(shape.layers[0].replicated_weights, Bytes(4));
  EXPECT_EQ(shape.layers[1].weights, Bytes(36));
  EXPECT_EQ(shape.layers[1].replicated_weights, Bytes(12));
  EXPECT_EQ(shape.expert_weights, Bytes(16));
  EXPECT_EQ(shape.parameters, 3 * 4u + 1 + 2 * 5 + 3 * 4);
  EXPECT_EQ(
      shape.weights_by_dtype,
      (std::map<std::string, Bytes>{{"BF16", Bytes(64)}, {"F32", Bytes(12)}}));
  EXPECT_TRUE(shape.notes.empty());
}

// The promise of ModelShape, whatever shards tensors are in.
TEST(CheckpointWeightsTest, PartsAddUpOverShards) {
  ShardWriters shards;
  shards["1.safetensors"] = TwoLayers();
  shards["2.safetensors"].Add("model.layers.2.self_attn.q_proj.weight", "I8",
                              {64});
  shards["3.safetensors"]
      .Add("model.layers.2.self_attn.q_proj.weight_scale", "F32", {})
      .Add("mtp.layers.0.mlp.up_proj.weight", "BF16", {4});
  ModelShape shape = ShapeWith(3, 1);
  ASSERT_TRUE(AddWeights(CheckpointOf(shards), shape).ok());
  Bytes parts = shape.outer.embedding + shape.outer.head +
                shape.outer.replicated + shape.outer.towers;
  for (const LayerShape& layer : shape.layers) parts += layer.weights;
  for (const LayerShape& layer : shape.draft_layers) parts += layer.weights;
  EXPECT_EQ(parts, shape.weights);
  Bytes dtypes;
  for (const auto& [dtype, size] : shape.weights_by_dtype) dtypes += size;
  EXPECT_EQ(dtypes, shape.weights);
  EXPECT_EQ(shape.layers[2].weights, Bytes(68));
  // The scale of a whole tensor is everywhere.
  EXPECT_EQ(shape.layers[2].replicated_weights, Bytes(4));
}

TEST(CheckpointWeightsTest, AScaleInAnotherShardTellsHowToCount) {
  ShardWriters shards;
  shards["1.safetensors"] = TwoLayers();
  ModelShape plain = ShapeWith(2);
  ASSERT_TRUE(AddWeights(CheckpointOf(shards), plain).ok());
  shards["1.safetensors"].Add("model.layers.1.mlp.up_proj.weight", "U8",
                              {4, 8});
  shards["2.safetensors"].Add("model.layers.1.mlp.up_proj.weight_scale",
                              "F8_E4M3", {4, 1});
  ModelShape shape = ShapeWith(2);
  ASSERT_TRUE(AddWeights(CheckpointOf(shards), shape).ok());
  EXPECT_EQ(shape.parameters, plain.parameters + 64);
  EXPECT_EQ(shape.weights, plain.weights + Bytes(32 + 4));
}

TEST(CheckpointWeightsTest, NoShardsAreNoWeights) {
  ModelShape shape = ShapeWith(2);
  shape.has_weights = true;
  ASSERT_TRUE(AddWeights(Checkpoint(), shape).ok());
  EXPECT_FALSE(shape.has_weights);
  EXPECT_TRUE(shape.weights.is_zero());
}

TEST(CheckpointWeightsTest, ALayerWithoutTensorsIsRefused) {
  ModelShape shape = ShapeWith(3);
  const absl::Status status =
      AddWeights(CheckpointOf({{"m.safetensors", TwoLayers()}}), shape);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("layer 2"), HasSubstr("3 layers")));
}

TEST(CheckpointWeightsTest, LayersBeyondTheDeclaredOnesAreRefused) {
  SafetensorsWriter writer = TwoLayers();
  writer.Add("model.layers.2.mlp.up_proj.weight", "BF16", {4});
  const Checkpoint checkpoint = CheckpointOf({{"m.safetensors", writer}});
  ModelShape draft = ShapeWith(2, 1);
  ASSERT_TRUE(AddWeights(checkpoint, draft).ok());
  EXPECT_EQ(draft.draft_layers[0].weights, Bytes(8));
  ModelShape none = ShapeWith(2);
  const absl::Status status = AddWeights(checkpoint, none);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("'model.layers.2.mlp.up_proj.weight' belongs to "
                              "layer 2"),
                    HasSubstr("2 layers and 0 draft layers")));
}

TEST(CheckpointWeightsTest, NamedDraftsAreAddedWithANote) {
  SafetensorsWriter writer = TwoLayers();
  writer.Add("mtp.layers.0.mlp.up_proj.weight", "BF16", {4})
      .Add("mtp.fc.weight", "BF16", {4});
  ModelShape shape = ShapeWith(2);
  ASSERT_TRUE(
      AddWeights(CheckpointOf({{"m.safetensors", writer}}), shape).ok());
  ASSERT_EQ(shape.draft_layers.size(), 1u);
  EXPECT_EQ(shape.draft_layers[0].weights, Bytes(16));
  EXPECT_EQ(shape.draft_layers[0].replicated_weights, Bytes(8));
  ASSERT_EQ(shape.notes.size(), 1u);
  EXPECT_THAT(shape.notes[0], HasSubstr("1 draft layers (mtp), config.json "
                                        "declares 0"));
  writer.Add("mtp.layers.999999999.mlp.up_proj.weight", "BF16", {4});
  ModelShape absurd = ShapeWith(2);
  EXPECT_EQ(
      AddWeights(CheckpointOf({{"m.safetensors", writer}}), absurd).code(),
      absl::StatusCode::kInvalidArgument);
}

TEST(CheckpointWeightsTest, ADeclaredDraftWithoutTensorsIsANote) {
  ModelShape shape = ShapeWith(2, 1);
  ASSERT_TRUE(
      AddWeights(CheckpointOf({{"m.safetensors", TwoLayers()}}), shape).ok());
  ASSERT_EQ(shape.notes.size(), 1u);
  EXPECT_THAT(shape.notes[0], HasSubstr("no tensor of 1"));
  EXPECT_TRUE(shape.draft_layers.empty());
}

TEST(CheckpointWeightsTest, AHeadThatShouldBeTiedIsCountedAndNoted) {
  ModelShape shape = ShapeWith(2);
  shape.head_is_tied = true;
  ASSERT_TRUE(
      AddWeights(CheckpointOf({{"m.safetensors", TwoLayers()}}), shape).ok());
  EXPECT_EQ(shape.outer.head, Bytes(8));
  EXPECT_THAT(shape.notes, ElementsAre(HasSubstr("a head of 8 bytes")));
}

TEST(CheckpointWeightsTest, AnAssumedDraftWithoutTensorsIsLeftOutSilently) {
  ModelShape shape = ShapeWith(2, 1);
  shape.draft_layers_are_assumed = true;
  SafetensorsWriter writer = TwoLayers();
  ASSERT_TRUE(
      AddWeights(CheckpointOf({{"m.safetensors", writer}}), shape).ok());
  EXPECT_TRUE(shape.draft_layers.empty());
  EXPECT_THAT(shape.notes, IsEmpty());

  shape = ShapeWith(2, 1);
  shape.draft_layers_are_assumed = true;
  writer.Add("mtp.layers.0.mlp.up_proj.weight", "BF16", {4});
  ASSERT_TRUE(
      AddWeights(CheckpointOf({{"m.safetensors", writer}}), shape).ok());
  EXPECT_EQ(shape.draft_layers.size(), 1u);
  EXPECT_THAT(shape.notes, IsEmpty());
}

TEST(CheckpointWeightsTest, AnAssumedDraftIsNotedWhereThereAreNoWeights) {
  ModelShape shape = ShapeWith(2, 1);
  shape.draft_layers_are_assumed = true;
  ASSERT_TRUE(AddWeights(Checkpoint(), shape).ok());
  EXPECT_EQ(shape.draft_layers.size(), 1u);
  EXPECT_THAT(shape.notes, ElementsAre(HasSubstr("1 is taken")));
}

TEST(CheckpointWeightsTest, ParametersThatAreGuessedAreNoted) {
  SafetensorsWriter writer = TwoLayers();
  writer.Add("model.layers.1.mlp.up_proj.weight_packed", "I32", {4, 8})
      .Add("model.layers.1.mlp.up_proj.weight_scale", "BF16", {4, 1});
  ModelShape shape = ShapeWith(2);
  ASSERT_TRUE(
      AddWeights(CheckpointOf({{"m.safetensors", writer}}), shape).ok());
  ASSERT_EQ(shape.notes.size(), 1u);
  EXPECT_THAT(shape.notes[0],
              AllOf(HasSubstr("not exact"),
                    HasSubstr("'model.layers.1.mlp.up_proj.weight_packed'")));
}

}  // namespace
}  // namespace governor
