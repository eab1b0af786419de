// How much a parse allocates, whatever the file says. In a binary of its own,
// because it replaces operator new.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "governor/model/byte_source.h"
#include "governor/model/hostile_safetensors.h"
#include "governor/model/safetensors.h"
#include "governor/model/safetensors_index.h"
#include "governor/model/safetensors_writer.h"
#include "gtest/gtest.h"

namespace {

// Each allocation has its size in front. One thread.
constexpr size_t kFront = 16;
size_t live = 0;
size_t peak = 0;

}  // namespace

void* operator new(size_t size) {
  auto* block = static_cast<char*>(std::malloc(size + kFront));
  if (block == nullptr) throw std::bad_alloc();
  *reinterpret_cast<size_t*>(block) = size;
  live += size;
  peak = std::max(peak, live);
  return block + kFront;
}

void operator delete(void* pointer) noexcept {
  if (pointer == nullptr) return;
  char* block = static_cast<char*>(pointer) - kFront;
  live -= *reinterpret_cast<size_t*>(block);
  std::free(block);
}

void operator delete(void* pointer, size_t) noexcept {
  operator delete(pointer);
}

namespace governor {
namespace {

// The buffer of the JSON reader, which is no larger than the text, and what
// messages and small tables take.
constexpr size_t kConstant = (64 + 16) << 10;

size_t PeakOf(absl::string_view file) {
  const MemoryByteSource source(file);
  const size_t before = live;
  peak = live;
  ParseSafetensors(source).IgnoreError();
  return peak - before;
}

size_t PeakOfIndex(absl::string_view text) {
  const MemoryByteSource source(text);
  const size_t before = live;
  peak = live;
  ParseSafetensorsIndex(source).IgnoreError();
  return peak - before;
}

TEST(SafetensorsMemoryTest, HostileFilesGetNoMoreThanTheirSizeJustifies) {
  for (const HostileFile& hostile : HostileSafetensors()) {
    EXPECT_LE(PeakOf(hostile.bytes), kConstant + 4 * hostile.bytes.size())
        << hostile.name;
  }
  for (const HostileFile& hostile : HostileSafetensorsIndexes()) {
    EXPECT_LE(PeakOfIndex(hostile.bytes), kConstant + 4 * hostile.bytes.size())
        << hostile.name;
  }
}

// The smallest entries a tensor can have, which are the dearest for their size;
// with eight dimensions, with none, in the wrong order, and one name for all.
TEST(SafetensorsMemoryTest, ManyTinyTensorsTakeAtMostFourTimesTheHeader) {
  const auto header = [](const std::function<std::string(int)>& name,
                         const std::string& shape, bool is_reversed) {
    constexpr int kCount = 100'000;
    std::string json = "{";
    for (int i = 0; i < kCount; ++i) {
      const int at = is_reversed ? kCount - 1 - i : i;
      absl::StrAppend(&json, i == 0 ? "\"" : ",\"", name(i),
                      "\":{\"dtype\":\"U8\",\"shape\":[", shape,
                      "],\"data_offsets\":[", at, ",", at + 1, "]}");
    }
    return SafetensorsOf(json + "}", kCount);
  };
  const auto number = [](int i) { return absl::StrCat(i); };
  for (const std::string shape : {"", "1,1,1,1,1,1,1,1"}) {
    for (const bool is_reversed : {false, true}) {
      const std::string file = header(number, shape, is_reversed);
      EXPECT_LE(PeakOf(file), kConstant + 4 * (file.size() - 100'000));
    }
  }
  const std::string same = header([](int) { return "a"; }, "", false);
  EXPECT_LE(PeakOf(same), kConstant + 4 * (same.size() - 100'000));
}

TEST(SafetensorsMemoryTest, LongTextsTakeNoMoreThanFourTimesTheHeader) {
  const std::string long_name(65'000, 'n');
  SafetensorsWriter one;
  one.Add(long_name, "U8", {1});
  std::string metadata = "{\"__metadata__\":{";
  for (int i = 0; i < 30; ++i) {
    absl::StrAppend(&metadata, i == 0 ? "\"" : ",\"", i, "\":\"", long_name,
                    "\"");
  }
  for (const std::string& file :
       {one.Write(), SafetensorsOf(metadata + "}}"),
        SafetensorsOf(std::string(5 << 20, ' ')),
        SafetensorsOf(absl::StrCat("{", std::string(5 << 20, '\t'), "}")),
        SafetensorsOf(absl::StrCat("{\"", std::string(5 << 20, 'x'), "\"")),
        SafetensorsOf(std::string(5 << 20, '[')),
        SafetensorsOf(std::string(5 << 20, '1'))}) {
    EXPECT_LE(PeakOf(file), kConstant + 4 * file.size()) << file.substr(8, 10);
  }
}

TEST(SafetensorsMemoryTest, AnIndexTakesAtMostFourTimesItsLength) {
  const auto index = [](int count, const std::function<std::string(int)>& file,
                        bool is_reversed) {
    std::string json = "{\"weight_map\":{";
    for (int i = 0; i < count; ++i) {
      absl::StrAppend(&json, i == 0 ? "\"" : ",\"",
                      is_reversed ? 1'000'000 - i : 1'000'000 + i, "\":\"",
                      file(i), ".safetensors\"");
    }
    return json + "}}";
  };
  for (const bool is_reversed : {false, true}) {
    const std::string one = index(
        100'000, [](int) { return "a"; }, is_reversed);
    EXPECT_LE(PeakOfIndex(one), kConstant + 4 * one.size());
    const std::string many = index(
        10'000, [](int i) { return absl::StrCat(i); }, is_reversed);
    EXPECT_LE(PeakOfIndex(many), kConstant + 4 * many.size());
  }
  std::string unrelated = "{\"metadata\":[0";
  for (int i = 0; i < 1'000'000; ++i) unrelated += ",{}";
  EXPECT_LE(PeakOfIndex(unrelated), kConstant + 4 * unrelated.size());
}

// That the counter counts: a test of this file that can fail.
TEST(SafetensorsMemoryTest, CountsWhatAStringTakes) {
  const size_t before = live;
  const std::string text(100'000, 'x');
  EXPECT_GE(live - before, text.size());
}

}  // namespace
}  // namespace governor
