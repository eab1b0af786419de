#include "governor/model/packed_weights.h"

#include <cstdint>
#include <string>

#include "governor/model/byte_source.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// The parameters of all tensors; -1 where they are not exact.
int64_t Sum(const SafetensorsWriter& writer) {
  const std::string bytes = writer.Write();
  const absl::StatusOr<Safetensors> file =
      ParseSafetensors(MemoryByteSource(bytes));
  EXPECT_TRUE(file.ok()) << file.status();
  if (!file.ok()) return -2;
  uint64_t sum = 0;
  for (size_t i = 0; i < file->tensor_count(); ++i) {
    const ParameterCount count = CountParameters(
        file->tensor(i),
        [&file](absl::string_view name) { return file->Find(name); });
    if (!count.is_exact) return -1;
    sum += count.parameters;
  }
  return static_cast<int64_t>(sum);
}

// All are a matrix of 64 outputs and 128 inputs.
constexpr int64_t kMatrix = 64 * 128;

TEST(PackedWeightsTest, PlainOnesAreOneAnElement) {
  SafetensorsWriter writer;
  writer.Add("q.weight", "BF16", {64, 128})
      .Add("q.bias", "F32", {64})
      .Add("norm.scale", "F32", {8});
  EXPECT_EQ(Sum(writer), kMatrix + 64 + 8);
}

TEST(PackedWeightsTest, Fp8WithItsScales) {
  SafetensorsWriter writer;
  writer.Add("a.weight", "F8_E4M3", {64, 128})
      .Add("a.weight_scale_inv", "F32", {1, 1})
      .Add("b.weight", "F8_E4M3", {64, 128})
      .Add("b.weight_scale", "F32", {})
      .Add("b.input_scale", "F32", {})
      .Add("b.k_scale", "F32", {});
  EXPECT_EQ(Sum(writer), 2 * kMatrix);
}

TEST(PackedWeightsTest, Int8) {
  SafetensorsWriter writer;
  writer.Add("a.weight", "I8", {64, 128})
      .Add("a.weight_scale", "BF16", {64, 1})
      .Add("b.weight", "I8", {64, 128})
      .Add("b.SCB", "F32", {64});
  EXPECT_EQ(Sum(writer), 2 * kMatrix);
}

TEST(PackedWeightsTest, FourBitFloats) {
  SafetensorsWriter writer;
  // ModelOpt's NVFP4.
  writer.Add("a.weight", "U8", {64, 64})
      .Add("a.weight_scale", "F8_E4M3", {64, 8})
      .Add("a.weight_scale_2", "F32", {});
  // The same from llm-compressor.
  writer.Add("b.weight_packed", "U8", {64, 64})
      .Add("b.weight_scale", "F8_E4M3", {64, 8})
      .Add("b.weight_global_scale", "F32", {1});
  // MXFP4 of gpt-oss, and of DeepSeek V4.
  writer.Add("gate_up_proj_blocks", "U8", {1, 64, 4, 16})
      .Add("gate_up_proj_scales", "U8", {1, 64, 4})
      .Add("d.weight", "I8", {64, 64})
      .Add("d.scale", "F8_E8M0", {64, 4});
  // The format's own.
  writer.Add("e.weight", "F4", {64, 128});
  EXPECT_EQ(Sum(writer), 5 * kMatrix);
}

TEST(PackedWeightsTest, Bitsandbytes) {
  SafetensorsWriter writer;
  writer.Add("a.weight", "U8", {64 * 128 / 2, 1})
      .Add("a.weight.absmax", "U8", {128})
      .Add("a.weight.quant_map", "F32", {16})
      .Add("a.weight.nested_absmax", "F32", {1})
      .Add("a.weight.nested_quant_map", "F32", {256})
      .Add("a.weight.quant_state.bitsandbytes__nf4", "U8", {90});
  EXPECT_EQ(Sum(writer), kMatrix);
}

TEST(PackedWeightsTest, GptqOfAnyBits) {
  for (const uint64_t bits : {2, 3, 4, 8}) {
    SafetensorsWriter writer;
    writer.Add("a.qweight", "I32", {128 * bits / 32, 64})
        .Add("a.qzeros", "I32", {4, 64 * bits / 32})
        .Add("a.scales", "F16", {4, 64})
        .Add("a.g_idx", "I32", {128});
    EXPECT_EQ(Sum(writer), kMatrix) << bits;
  }
}

TEST(PackedWeightsTest, Awq) {
  SafetensorsWriter writer;
  writer.Add("a.qweight", "I32", {128, 8})
      .Add("a.qzeros", "I32", {1, 8})
      .Add("a.scales", "F16", {1, 64})
      .Add("b.qweight", "I32", {128, 8})
      .Add("b.scales", "F16", {1, 64});
  EXPECT_EQ(Sum(writer), 2 * kMatrix);
}

TEST(PackedWeightsTest, CompressedIntegersWithZeroPoints) {
  SafetensorsWriter writer;
  writer.Add("a.weight_packed", "I32", {64, 32})
      .Add("a.weight_scale", "BF16", {64, 1})
      .Add("a.weight_zero_point", "I32", {16, 1})
      .Add("a.weight_shape", "I64", {2});
  EXPECT_EQ(Sum(writer), kMatrix);
}

TEST(PackedWeightsTest, WhatFilesDoNotSayIsNotExact) {
  SafetensorsWriter symmetric;
  symmetric.Add("a.weight_packed", "I32", {64, 16})
      .Add("a.weight_scale", "BF16", {64, 1});
  EXPECT_EQ(Sum(symmetric), -1);
  SafetensorsWriter gptq;
  gptq.Add("a.qweight", "I32", {16, 64}).Add("a.scales", "F16", {4, 64});
  EXPECT_EQ(Sum(gptq), -1);
  SafetensorsWriter strange;
  strange.Add("a.qweight", "I32", {16, 64})
      .Add("a.scales", "F16", {4, 64})
      .Add("a.qzeros", "I32", {4, 63});
  EXPECT_EQ(Sum(strange), -1);
  SafetensorsWriter bytes;
  bytes.Add("a.weight", "U8", {64, 64});
  EXPECT_EQ(Sum(bytes), -1);
}

// As many as fit in a file of 2^63 bytes, which eight bits each would wrap.
TEST(PackedWeightsTest, CountsDoNotWrap) {
  SafetensorsTensor tensor;
  tensor.name = "a.qweight";
  tensor.dtype = *FindSafetensorsDtype("I32");
  tensor.elements = uint64_t{1} << 61;
  const ParameterCount count =
      CountParameters(tensor, [](absl::string_view) { return std::nullopt; });
  EXPECT_FALSE(count.is_exact);
  EXPECT_EQ(count.parameters, uint64_t{1} << 61);
}

}  // namespace
}  // namespace governor
