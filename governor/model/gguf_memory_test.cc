// How much a parse allocates, whatever the file says. In a binary of its own,
// because it replaces operator new.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "governor/model/byte_source.h"
#include "governor/model/gguf.h"
#include "governor/model/gguf_writer.h"
#include "governor/model/hostile_gguf.h"
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

// The cursor's buffer, and what messages and small tables take.
constexpr size_t kConstant = (64 + 16) << 10;

size_t PeakOf(absl::string_view file) {
  const MemoryByteSource source(file);
  const size_t before = live;
  peak = live;
  ParseGguf(source).IgnoreError();
  return peak - before;
}

TEST(GgufMemoryTest, HostileFilesGetNoMoreThanTheirSizeJustifies) {
  for (const HostileGguf& hostile : HostileGgufs()) {
    EXPECT_LE(PeakOf(hostile.bytes), kConstant + 4 * hostile.bytes.size())
        << hostile.name;
  }
}

// The smallest infos a tensor can have, which are the dearest for their size.
TEST(GgufMemoryTest, ManyTinyTensorsTakeAtMostFourTimesTheHeader) {
  GgufWriter writer;
  writer.alignment = 1;
  writer.Set("general.alignment", ByteWriter().Type(GgufType::kUint8).U8(1));
  constexpr int kCount = 20'000;
  for (int i = 0; i < kCount; ++i) {
    writer.Add({std::to_string(i), {1}, 24});
  }
  const std::string file = writer.Write();
  const size_t header = file.size() - kCount;
  EXPECT_LE(PeakOf(file), kConstant + 4 * header);
}

TEST(GgufMemoryTest, LongStringsAndArraysTakeTheirOwnLength) {
  GgufWriter writer;
  writer.SetString("text", std::string(3 << 20, 't'));
  ByteWriter tokens;
  tokens.Type(GgufType::kArray).Type(GgufType::kString).U64(100'000);
  for (int i = 0; i < 100'000; ++i) tokens.String("token");
  writer.Set("tokens", tokens);
  const std::string file = writer.Write();
  EXPECT_LE(PeakOf(file), kConstant + (3u << 20) + 4096);
}

// That the counter counts: a test of this file that can fail.
TEST(GgufMemoryTest, CountsWhatAStringTakes) {
  const size_t before = live;
  const std::string text(100'000, 'x');
  EXPECT_GE(live - before, text.size());
}

}  // namespace
}  // namespace governor
