// How much reading a config allocates, whatever the file says. In a binary of
// its own, because it replaces operator new.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "governor/model/config_fields.h"
#include "governor/model/config_text.h"
#include "governor/model/hostile_config.h"
#include "gtest/gtest.h"

namespace {

// Each allocation has its size in front. One thread.
constexpr size_t kFront = 16;
size_t live = 0;
size_t peak = 0;

}  // namespace

// Not inlined, where g++ would see a free() without its malloc().
[[gnu::noinline]] void* operator new(size_t size) {
  auto* block = static_cast<char*>(std::malloc(size + kFront));
  if (block == nullptr) throw std::bad_alloc();
  *reinterpret_cast<size_t*>(block) = size;
  live += size;
  peak = std::max(peak, live);
  return block + kFront;
}

[[gnu::noinline]] void operator delete(void* pointer) noexcept {
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

// The JSON reader's buffer, tables of the fields, and messages.
constexpr size_t kConstant = 256 << 10;

size_t PeakOfRead(absl::string_view text) {
  const size_t before = live;
  peak = live;
  ReadConfig(MemoryByteSource(text)).IgnoreError();
  return peak - before;
}

size_t PeakOfShape(absl::string_view text) {
  const size_t before = live;
  peak = live;
  ShapeOf(text).IgnoreError();
  return peak - before;
}

TEST(ConfigMemoryTest, HostileConfigsGetNoMoreThanTheirSizeJustifies) {
  for (const HostileConfig& hostile : HostileConfigs()) {
    EXPECT_LE(PeakOfRead(hostile.text), kConstant + 4 * hostile.text.size())
        << hostile.name;
    EXPECT_LE(PeakOfShape(hostile.text), kConstant + 4 * hostile.text.size())
        << hostile.name;
  }
}

// The dearest of what is kept: two full arrays of the shortest elements, and as
// many different texts as there may be.
TEST(ConfigMemoryTest, FullTablesTakeAtMostFourTimesTheFile) {
  std::string numbers = "[0";
  for (int i = 1; i < 4096; ++i) numbers += ",0";
  std::string texts = "[\"\"";
  for (int i = 1; i < 500; ++i) absl::StrAppend(&texts, ",\"", i, "\"");
  for (int i = 500; i < 4096; ++i) texts += ",\"\"";
  const std::string text = SmallConfig("llama", {{"kda_layers", numbers + "]"},
                                                 {"layer_types", texts + "]"}})
                               .Write();
  EXPECT_LE(PeakOfRead(text), kConstant + 4 * text.size());
}

// Layers are values of the shape, which a short file can have many of.
TEST(ConfigMemoryTest, AShapeTakesABoundedAmountForEachLayer) {
  for (const char* layers : {"1", "4096"}) {
    const std::string text =
        SmallConfig("llama", {{"num_hidden_layers", layers}}).Write();
    EXPECT_LE(PeakOfShape(text),
              kConstant + 256 * static_cast<size_t>(std::atoi(layers)));
  }
}

TEST(ConfigMemoryTest, SkippedFieldsTakeNothing) {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) {
    absl::StrAppend(&text, "\"field", i, "\": [0, {\"n_head\": \"x\"}], ");
  }
  text += "\"end\": 0}";
  EXPECT_LE(PeakOfRead(text), kConstant);
}

// That the counter counts: a test of this file that can fail.
TEST(ConfigMemoryTest, CountsWhatAStringTakes) {
  const size_t before = live;
  const std::string text(100'000, 'x');
  EXPECT_GE(live - before, text.size());
}

}  // namespace
}  // namespace governor
