#include "governor/spare_reading.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace governor {
namespace {

// Two words that belong together: the second follows from the first.
SpareReading::Value Matching(uint64_t n) {
  return {.spare = Bytes(n), .taken_ns = static_cast<int64_t>(~n)};
}

TEST(SpareReadingTest, BeforeTheFirstIsNoneThatIsFresh) {
  const SpareReading reading;
  EXPECT_EQ(reading.Load().spare, Bytes());
  EXPECT_LT(reading.Load().taken_ns, INT64_MIN / 4);
}

TEST(SpareReadingTest, TheLastOneIsRead) {
  SpareReading reading;
  reading.Store(Matching(1));
  reading.Store(Matching(2));
  EXPECT_EQ(reading.Load().spare, Bytes(2));
  EXPECT_EQ(reading.Load().taken_ns, Matching(2).taken_ns);
}

// Neither half of one and half of another, nor an older one than before.
TEST(SpareReadingTest, ReadersBesideAWriterSeeWholeReadingsInOrder) {
  constexpr uint64_t kReadings = 300'000;
  constexpr int kReaders = 2;
  SpareReading reading;
  reading.Store(Matching(0));
  std::atomic<int> started{0};
  std::atomic<uint64_t> torn{0}, backwards{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&] {
      ++started;
      uint64_t last = 0;
      while (last < kReadings) {
        const SpareReading::Value value = reading.Load();
        const uint64_t n = value.spare.count();
        torn += value.taken_ns != Matching(n).taken_ns;
        backwards += n < last;
        last = n;
      }
    });
  }
  while (started < kReaders) std::this_thread::yield();
  for (uint64_t n = 1; n <= kReadings; ++n) reading.Store(Matching(n));
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0u);
  EXPECT_EQ(backwards, 0u);
}

}  // namespace
}  // namespace governor
