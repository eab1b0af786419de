#include "governor/model/hostile_safetensors.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "governor/model/safetensors_writer.h"

namespace governor {
namespace {

constexpr absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kUnknown = absl::StatusCode::kUnimplemented;
constexpr uint64_t kTwoTo63 = uint64_t{1} << 63;
using Cases = std::vector<HostileFile>;

// A file that says its header has `length` bytes, with `rest` behind.
std::string WithLength(uint64_t length, absl::string_view rest) {
  std::string bytes = SafetensorsOf("");
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(length >> (8 * i));
  return absl::StrCat(bytes, rest);
}

// A file whose one tensor `t` has this text.
std::string OneTensor(absl::string_view text, uint64_t data_size = 8) {
  return SafetensorsOf(absl::StrCat("{\"t\":", text, "}"), data_size);
}

// One with these in place of what is right for eight bytes.
std::string Fields(absl::string_view dtype = "\"U8\"",
                   absl::string_view shape = "[8]",
                   absl::string_view offsets = "[0,8]") {
  return OneTensor(absl::StrCat("{\"dtype\":", dtype, ",\"shape\":", shape,
                                ",\"data_offsets\":", offsets, "}"));
}

std::string Shaped(absl::string_view shape) { return Fields("\"U8\"", shape); }

std::string PlacedAt(absl::string_view offsets) {
  return Fields("\"U8\"", "[8]", offsets);
}

// Two tensors of eight bytes in a file with sixteen.
std::string Two(uint64_t first, uint64_t second,
                absl::string_view second_name = "b") {
  SafetensorsWriter writer;
  writer.data_size = 16;
  writer.Add({"a", "U8", {8}, std::pair(first, first + 8)});
  writer.Add(
      {std::string(second_name), "U8", {8}, std::pair(second, second + 8)});
  return writer.Write();
}

void AddHeads(Cases& cases) {
  cases.insert(
      cases.end(),
      {{"file_of_nothing", "", kBad, "the file has 0 bytes"},
       {"file_of_7_bytes", "1234567", kBad, "the file has 7 bytes"},
       {"length_alone", WithLength(2, ""), kBad, "the file has 8 bytes"},
       {"header_longer_than_file", WithLength(100, "{}"), kBad,
        "a length of 100 bytes, but it can have 2 to 2 in a file of 10"},
       {"header_one_longer", WithLength(3, "{}"), kBad, "length of 3"},
       {"header_of_nothing", WithLength(0, "{}"), kBad, "length of 0"},
       {"header_above_limit", WithLength(100'000'001, "{}"), kBad,
        "length of 100000001"},
       {"header_2_63", WithLength(kTwoTo63, "{}"), kBad, "9223372036854775808"},
       {"header_wraps", WithLength(UINT64_MAX - 7, "{}"), kBad,
        "18446744073709551608"},
       {"magic_gguf",
        absl::StrCat("GGUF", absl::string_view("\3\0\0\0\0\0\0\0", 8)), kBad,
        "no safetensors file"},
       {"magic_lfs_pointer", "version https://git-lfs.github.com/spec/v1\n",
        kBad, "Git LFS"},
       {"magic_zip", std::string("PK\x03\x04") + std::string(60, '\x08'), kBad,
        "a zip archive"}});
}

void AddTexts(Cases& cases) {
  std::string deep;
  for (int i = 0; i < 600; ++i) deep += "{\"a\":";
  cases.insert(
      cases.end(),
      {{"json_array", SafetensorsOf("[]"), kBad, "is an array"},
       {"json_number", SafetensorsOf("12"), kBad, "is the number 12"},
       {"json_cut_short", SafetensorsOf("{\"t\":{"), kBad, "not JSON"},
       {"json_trailing", SafetensorsOf("{}{}"), kBad, "not JSON at offset"},
       {"json_trailing_zeros", SafetensorsOf(absl::string_view("{}\0\0", 4)),
        kBad, "not JSON"},
       {"json_not_utf8",
        SafetensorsOf("{\"t\xC0\xAF\":{\"dtype\":\"U8\",\"shape\":[],"
                      "\"data_offsets\":[0,1]}}",
                      1),
        kBad, "UTF-8"},
       {"json_deep_arrays", SafetensorsOf(std::string(3000, '[')), kBad,
        "is an array"},
       {"json_deep_objects", SafetensorsOf(deep), kBad, "a field 'a'"},
       {"json_deep_metadata",
        SafetensorsOf("{\"__metadata__\":{\"a\":{\"b\":{\"c\":{}}}}}"), kBad,
        "__metadata__ holds an object"},
       {"metadata_array", SafetensorsOf("{\"__metadata__\":[]}"), kBad,
        "__metadata__ is an array"},
       {"metadata_number", SafetensorsOf("{\"__metadata__\":{\"a\":1}}"), kBad,
        "__metadata__ holds the number 1"},
       {"metadata_null", SafetensorsOf("{\"__metadata__\":{\"a\":null}}"), kBad,
        "__metadata__ holds null"},
       {"metadata_twice",
        SafetensorsOf("{\"__metadata__\":{},\"__metadata__\":{}}"), kBad,
        "__metadata__ is there twice"}});
}

void AddFields(Cases& cases) {
  cases.insert(
      cases.end(),
      {{"tensor_null", OneTensor("null"), kBad, "'t' is null"},
       {"tensor_array", OneTensor("[]"), kBad, "'t' is an array"},
       {"tensor_empty", OneTensor("{}"), kBad, "has no dtype"},
       {"tensor_without_offsets", OneTensor("{\"dtype\":\"U8\",\"shape\":[8]}"),
        kBad, "has no data_offsets"},
       {"tensor_extra_field",
        OneTensor("{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8],"
                  "\"x\":1}"),
        kBad, "a field 'x'"},
       {"tensor_field_twice",
        OneTensor("{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[8],"
                  "\"data_offsets\":[0,8]}"),
        kBad, "its dtype twice"},
       {"dtype_number", Fields("8"), kBad, "a dtype that is the number 8"},
       {"dtype_unknown", Fields("\"Q4_K\""), kUnknown, "'Q4_K'"},
       {"shape_number", Shaped("8"), kBad, "a shape that is the number 8"},
       {"shape_float", Shaped("[8.0]"), kBad, "the number 8 in its shape"},
       {"shape_negative", Shaped("[-8]"), kBad, "the number -8 in its shape"},
       {"shape_text", Shaped("[\"8\"]"), kBad, "the text '8' in its shape"},
       {"shape_above_64_bits", Shaped("[18446744073709551616]"), kBad,
        "in its shape"},
       {"shape_nested", Shaped("[[8]]"), kBad, "nested deeper than 3"},
       {"shape_of_9", Shaped("[1,1,1,1,1,1,1,1,8]"), kBad,
        "more than 8 dimensions"},
       {"offsets_one", PlacedAt("[0]"), kBad, "has 1 data_offsets"},
       {"offsets_three", PlacedAt("[0,8,8]"), kBad, "more than two"},
       {"offsets_float", PlacedAt("[0,8.0]"), kBad, "in its data_offsets"},
       {"offsets_negative", PlacedAt("[-1,8]"), kBad, "the number -1"},
       {"offsets_text", PlacedAt("[\"0\",8]"), kBad, "the text '0'"},
       {"offsets_object", PlacedAt("{}"), kBad, "that are an object"}});
}

void AddSizes(Cases& cases) {
  cases.insert(
      cases.end(),
      {{"shape_2_63", Shaped("[9223372036854775808]"), kBad,
        "more than 2^64 - 1 bits"},
       {"shape_wraps_to_0", Shaped("[4294967296,4294967296]"), kBad,
        "more than 2^64 - 1 bits"},
       {"shape_wraps_to_8", Shaped("[9223372036854775812,2]"), kBad,
        "more than 2^64 - 1 bits"},
       // Elements fit in 64 bits, their bits do not, and wrap to 64.
       {"bits_wrap", Shaped("[2305843009213693960]"), kBad,
        "more than 2^64 - 1 bits"},
       {"shape_too_large", Shaped("[9]"), kBad, "needs 9 bytes"},
       {"shape_too_small", Shaped("[7]"), kBad, "needs 7 bytes"},
       {"shape_zero_with_bytes", Shaped("[8,0]"), kBad, "needs 0 bytes"},
       {"shape_f4_half_a_byte", Fields("\"F4\"", "[15]"), kBad, "60 bits"},
       {"begin_behind_end", PlacedAt("[8,0]"), kBad,
        "begins at data offset 8, behind its end at 0"},
       {"offsets_wrap", PlacedAt("[18446744073709551608,0]"), kBad,
        "behind its end"}});
}

void AddPlaces(Cases& cases) {
  SafetensorsWriter inside;
  inside.Add("a", "U8", {16}).Add({"b", "U8", {0}, std::pair(8, 8)});
  inside.data_size = 16;
  cases.insert(
      cases.end(),
      {{"end_behind_file", PlacedAt("[1,9]"), kBad, "ends at data offset 9"},
       {"end_at_the_end_of_numbers",
        PlacedAt("[18446744073709551607,18446744073709551615]"), kBad,
        "ends at data offset 18446744073709551615"},
       {"overlap", Two(0, 4), kBad, "'b' begins at data offset 4, inside"},
       {"same_place", Two(0, 0), kBad, "inside tensor"},
       {"empty_inside_another", inside.Write(), kBad, "'b' begins"},
       {"hole_at_start", Two(1, 9), kBad, "data offsets 0 to 1"},
       {"hole",
        SafetensorsOf("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],"
                      "\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"U8\","
                      "\"shape\":[4],\"data_offsets\":[8,12]}}",
                      12),
        kBad, "data offsets 4 to 8, before tensor 'b'"},
       {"bytes_left_over",
        OneTensor("{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}", 9),
        kBad, "end at data offset 8, but the file holds 9"},
       {"data_without_tensors", SafetensorsOf("{}", 1), kBad,
        "end at data offset 0"},
       {"name_twice", Two(0, 8, "a"), kBad, "'a' is in the header twice"},
       {"name_empty", Two(0, 8, ""), kBad, "''"},
       {"name_with_nul", Two(0, 8, "b\\u0000c"), kBad, "no NUL"}});
}

// An index that maps the tensor `t` to a shard of this name, as JSON has it.
std::string MapTo(absl::string_view shard) {
  return absl::StrCat("{\"weight_map\":{\"t\":", shard, "}}");
}

}  // namespace

std::vector<HostileFile> HostileSafetensors() {
  Cases cases;
  AddHeads(cases);
  AddTexts(cases);
  AddFields(cases);
  AddSizes(cases);
  AddPlaces(cases);
  return cases;
}

std::vector<HostileFile> HostileSafetensorsIndexes() {
  std::string deep;
  for (int i = 0; i < 600; ++i) deep += "{\"a\":";
  return {
      {"nothing", " ", kBad, "not JSON"},
      {"array", "[]", kBad, "is an array"},
      {"text", "\"model.safetensors\"", kBad, "is the text"},
      {"git_lfs_pointer", "version https://git-lfs.github.com/spec/v1\n", kBad,
       "not JSON"},
      {"trailing", "{\"weight_map\":{}}}", kBad, "not JSON at offset"},
      {"not_utf8", MapTo("\"\xFF.safetensors\""), kBad, "UTF-8"},
      {"deep", deep, kBad, "nested deeper"},
      {"deep_metadata", absl::StrCat("{\"metadata\":", deep), kBad,
       "nested deeper"},
      {"without_map", "{\"metadata\":{\"total_size\":8}}", kBad,
       "no weight_map"},
      {"map_empty", "{\"weight_map\":{}}", kBad, "names no tensor"},
      {"map_array", "{\"weight_map\":[]}", kBad, "weight_map is an array"},
      {"map_twice", "{\"weight_map\":{},\"weight_map\":{}}", kBad,
       "weight_map is there twice"},
      {"shard_number", MapTo("1"), kBad, "'t' to the number 1"},
      {"shard_null", MapTo("null"), kBad, "'t' to null"},
      {"shard_object", MapTo("{}"), kBad, "'t' to an object"},
      {"shard_empty", MapTo("\"\""), kBad, "''"},
      {"shard_with_path", MapTo("\"a/b.safetensors\""), kBad,
       "'a/b.safetensors'"},
      {"shard_absolute", MapTo("\"/etc/passwd\""), kBad, "'/etc/passwd'"},
      {"shard_parent", MapTo("\"../b.safetensors\""), kBad,
       "'../b.safetensors'"},
      {"shard_dot_dot", MapTo("\"..\""), kBad, "'..'"},
      {"shard_backslash", MapTo("\"a\\\\b.safetensors\""), kBad, "a\\\\b"},
      {"shard_with_nul", MapTo("\"a\\u0000.safetensors\""), kBad, "'a\\x00"},
      {"shard_of_another_kind", MapTo("\"model.bin\""), kBad, "'model.bin'"},
      {"shard_name_long",
       MapTo(absl::StrCat("\"", std::string(300, 'x'), ".safetensors\"")), kBad,
       "312 bytes"},
      {"tensor_twice",
       "{\"weight_map\":{\"t\":\"a.safetensors\",\"t\":\"a.safetensors\"}}",
       kBad, "'t' is in weight_map twice"},
      {"tensor_in_two_shards",
       "{\"weight_map\":{\"t\":\"a.safetensors\",\"t\":\"b.safetensors\"}}",
       kBad, "'t' is in weight_map twice"},
      {"tensor_name_empty", "{\"weight_map\":{\"\":\"a.safetensors\"}}", kBad,
       "named ''"},
      {"tensor_name_with_nul",
       "{\"weight_map\":{\"t\\u0000\":\"a.safetensors\"}}", kBad, "no NUL"},
  };
}

}  // namespace governor
