#include "governor/model/hostile_gguf.h"

#include <cstdint>
#include <utility>

#include "absl/strings/string_view.h"
#include "governor/model/gguf_writer.h"

namespace governor {
namespace {

constexpr absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kUnknown = absl::StatusCode::kUnimplemented;
constexpr uint64_t kTwoTo63 = uint64_t{1} << 63;
using Cases = std::vector<HostileGguf>;

GgufWriter::Tensor Small(absl::string_view name) {
  return {std::string(name), {8}};
}

// A file whose one tensor has these dimensions.
std::string Shaped(std::vector<uint64_t> dimensions, uint32_t type = 0) {
  GgufWriter writer;
  writer.data_size = 64;
  return writer.Add({"t", std::move(dimensions), type}).Write();
}

// A file whose two tensors of 32 bytes are at these offsets, with 64 bytes of
// data.
std::string PlacedAt(uint64_t first, uint64_t second,
                     absl::string_view second_name = "b") {
  GgufWriter writer;
  writer.data_size = 64;
  writer.Add(Small("a")).Add(Small(second_name));
  writer.tensors()[0].offset = first;
  writer.tensors()[1].offset = second;
  return writer.Write();
}

std::string OneValue(const ByteWriter& value) {
  return GgufWriter().Set("k", value).Write();
}

// The head of a file with one metadata entry, without the entry.
ByteWriter OneEntry() { return ByteWriter().Raw("GGUF").U32(3).U64(0).U64(1); }

std::string Aligned(const ByteWriter& value) {
  return GgufWriter().Set("general.alignment", value).Write();
}

std::string WithVersion(uint32_t version) {
  GgufWriter writer;
  writer.version = version;
  return writer.Write();
}

ByteWriter Array(GgufType element, uint64_t count) {
  return ByteWriter().Type(GgufType::kArray).Type(element).U64(count);
}

void AddForeign(Cases& cases) {
  const std::string json = "{\"a\":{}}";
  cases.insert(
      cases.end(),
      {{"magic_zip", std::string("PK\x03\x04") + std::string(60, '\0'), kBad,
        "a zip archive"},
       {"magic_safetensors", ByteWriter().U64(json.size()).Raw(json).bytes(),
        kBad, "a safetensors file"},
       {"magic_lfs_pointer", "version https://git-lfs.github.com/spec/v1\n",
        kBad, "Git LFS"},
       {"magic_cut_short", "GGU", kBad, "GGU"},
       {"version_1", WithVersion(1), kUnknown, "version 1"},
       {"version_4", WithVersion(4), kUnknown, "version 4"},
       {"version_big_endian", WithVersion(0x03000000), kUnknown,
        "big-endian"}});
}

void AddCounts(Cases& cases) {
  const auto counts = [](uint64_t tensors, uint64_t entries) {
    GgufWriter writer;
    writer.tensor_count = tensors;
    writer.metadata_count = entries;
    return writer.Add(Small("t")).Write();
  };
  cases.insert(cases.end(),
               {{"tensor_count_2_63", counts(kTwoTo63, 0), kBad,
                 "9223372036854775808 tensors"},
                {"tensor_count_million", counts(uint64_t{1} << 20, 0), kBad,
                 "1048576 tensors"},
                {"metadata_count_4096", counts(1, 4096), kBad, "4096 metadata"},
                {"tensor_count_wraps_bytes", counts(UINT64_MAX / 33 + 2, 0),
                 kBad, "558992244657865202 tensors"},
                {"metadata_count_2_63", counts(1, kTwoTo63), kBad,
                 "9223372036854775808 metadata"}});
}

void AddKeys(Cases& cases) {
  const auto key = [](const ByteWriter& name) {
    return OneEntry().Raw(name.bytes()).U32(4).U32(7).bytes();
  };
  cases.insert(
      cases.end(),
      {{"key_length_2_63", key(ByteWriter().U64(kTwoTo63).Raw("k")), kBad,
        "9223372036854775808 bytes"},
       {"key_length_wraps", key(ByteWriter().U64(UINT64_MAX - 31).Raw("k")),
        kBad, "18446744073709551584 bytes"},
       {"key_length_above_64_kib", key(ByteWriter().U64(65537).Raw("k")), kBad,
        "65537 bytes"},
       {"key_length_beyond_file", key(ByteWriter().U64(65536).Raw("k")), kBad,
        "needs 65536 bytes"},
       {"key_empty", key(ByteWriter().String("")), kBad, "length of 0"},
       {"key_not_utf8", key(ByteWriter().String("k\xC0\xAF")), kBad,
        "not UTF-8"},
       {"key_with_nul", key(ByteWriter().String(absl::string_view("k\0y", 3))),
        kBad, "not UTF-8 without NUL"},
       {"key_twice", GgufWriter().SetU32("k", 1).SetU32("k", 2).Write(), kBad,
        "'k' is there twice"}});
}

void AddValues(Cases& cases) {
  ByteWriter nested;
  nested.Type(GgufType::kArray);
  for (int i = 0; i < 200; ++i) nested.Type(GgufType::kArray).U64(1);
  cases.insert(
      cases.end(),
      {{"value_type_13", OneValue(ByteWriter().U32(13).U64(0)), kBad,
        "type 13"},
       {"value_type_max", OneValue(ByteWriter().U32(UINT32_MAX).U64(0)), kBad,
        "type 4294967295"},
       {"bool_2", OneValue(ByteWriter().Type(GgufType::kBool).U8(2)), kBad,
        "bool of 2"},
       {"string_length_2_63",
        OneValue(ByteWriter().Type(GgufType::kString).U64(kTwoTo63)), kBad,
        "needs 9223372036854775808 bytes for a string"},
       {"array_count_2_63", OneValue(Array(GgufType::kUint8, kTwoTo63)), kBad,
        "array of 9223372036854775808 uint8"},
       {"array_bytes_wrap",
        OneValue(Array(GgufType::kUint64, (uint64_t{1} << 61) + 1).U64(7)),
        kBad, "array of 2305843009213693953 uint64"},
       {"array_of_2_63_strings", OneValue(Array(GgufType::kString, kTwoTo63)),
        kBad, "array of 9223372036854775808 string"},
       {"array_string_length_max",
        OneValue(Array(GgufType::kString, 1).U64(UINT64_MAX)), kBad,
        "needs 18446744073709551615 bytes for a string in an array"},
       {"array_nested_200_deep", OneValue(nested), kBad, "depth 5"},
       {"array_of_2_63_arrays", OneValue(Array(GgufType::kArray, kTwoTo63)),
        kBad, "array of 9223372036854775808 array"}});
}

void AddNamesAndShapes(Cases& cases) {
  const auto named = [](absl::string_view name) {
    return GgufWriter().Add(Small(name)).Write();
  };
  cases.insert(
      cases.end(),
      {{"tensor_name_empty", named(""), kBad, "length of 0"},
       {"tensor_name_not_utf8", named("t\xFF"), kBad, "not UTF-8"},
       {"tensor_name_twice", PlacedAt(0, 32, "a"), kBad,
        "'a' is in the file twice"},
       {"dimensions_none", Shaped({}), kBad, "0 dimensions"},
       {"dimensions_five", Shaped({1, 1, 1, 1, 1}), kBad, "5 dimensions"},
       {"dimension_zero", Shaped({8, 0}), kBad, "dimension 1 of zero"},
       {"dimensions_wrap_to_0", Shaped({uint64_t{1} << 32, uint64_t{1} << 32}),
        kBad, "4294967296x4294967296"},
       {"dimensions_wrap_to_4", Shaped({(uint64_t{1} << 63) + 1, 2, 2}), kBad,
        "9223372036854775809x"},
       // Elements fit in 64 bits, bytes do not.
       {"bytes_wrap", Shaped({uint64_t{1} << 62, 2}), kBad,
        "elements or bytes"},
       {"quantized_bytes_wrap", Shaped({32, uint64_t{1} << 59, 2}, 8), kBad,
        "Q8_0 has more than"},
       {"type_removed", Shaped({32}, 31), kUnknown, "Q4_0_4_4"},
       {"type_max", Shaped({32}, UINT32_MAX), kUnknown, "type 4294967295"},
       {"row_not_of_blocks", Shaped({33}, 2), kBad,
        "rows of 33 elements, but Q4_0 stores blocks of 32"}});
}

void AddPlaces(Cases& cases) {
  const uint64_t last = UINT64_MAX - 31;  // a multiple of 32
  cases.insert(
      cases.end(),
      {{"offset_unaligned", PlacedAt(0, 33), kBad, "data offset 33"},
       {"offset_2_63", PlacedAt(0, kTwoTo63), kBad,
        "data offset 9223372036854775808"},
       {"offset_wraps_data_start", PlacedAt(0, last), kBad,
        "data offset 18446744073709551584"},
       {"offset_at_end", PlacedAt(0, 64), kBad, "data offset 64"},
       // The start fits, the end is 2^64 exactly or beyond.
       {"last_addition_wraps", PlacedAt(0, last - 128 - 96), kBad,
        "needs 32 bytes"},
       {"tensor_larger_than_file", Shaped({uint64_t{1} << 40}), kBad,
        "needs 4398046511104 bytes"},
       {"overlap",
        [] {
          GgufWriter writer;
          writer.data_size = 96;
          writer.Add({"long", {16}}).Add(Small("in_it"));
          writer.tensors()[1].offset = 32;
          return writer.Write();
        }(),
        kBad, "'in_it' at offset"},
       {"data_one_byte_short",
        [] {
          GgufWriter writer;
          writer.data_size = 31;
          return writer.Add(Small("t")).Write();
        }(),
        kBad, "the data section has 31"},
       {"alignment_0", Aligned(ByteWriter().Type(GgufType::kUint32).U32(0)),
        kBad, "is 0"},
       {"alignment_not_a_power",
        Aligned(ByteWriter().Type(GgufType::kUint32).U32(24)), kBad, "is 24"},
       {"alignment_2_21",
        Aligned(ByteWriter().Type(GgufType::kUint32).U32(1 << 21)), kBad,
        "is 2097152"},
       {"alignment_2_63",
        Aligned(ByteWriter().Type(GgufType::kUint64).U64(kTwoTo63)), kBad,
        "is 9223372036854775808"},
       {"alignment_negative",
        Aligned(ByteWriter().Type(GgufType::kInt32).U32(UINT32_MAX)), kBad,
        "is -1"}});
}

}  // namespace

std::vector<HostileGguf> HostileGgufs() {
  Cases cases;
  AddForeign(cases);
  AddCounts(cases);
  AddKeys(cases);
  AddValues(cases);
  AddNamesAndShapes(cases);
  AddPlaces(cases);
  return cases;
}

}  // namespace governor
