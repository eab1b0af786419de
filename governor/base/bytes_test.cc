#include "governor/base/bytes.h"

#include <limits>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();

TEST(BytesTest, ParsesEveryUnit) {
  const struct {
    const char* text;
    uint64_t bytes;
  } kCases[] = {
      {"0", 0},
      {"4096", 4096},
      {"17B", 17},
      {"4KiB", 4096},
      {"512MiB", 536870912},
      {"24GiB", 25769803776},
      {"2TiB", 2199023255552},
      {"1PiB", 1125899906842624},
      {"3kB", 3000},
      {"3KB", 3000},
      {"3MB", 3000000},
      {"117GB", 117000000000},
      {"1TB", 1000000000000},
      {"1PB", 1000000000000000},
      {"1.5GiB", 1610612736},
      {"0.3GiB", 322122547},  // 322122547.2, the fraction of a byte dropped
      {"0.000000000000000000001PiB", 0},
      {"18446744073709551615", kMax},
      {"16383.999999PiB", 18446744072583651709u},
  };
  for (const auto& c : kCases) {
    absl::StatusOr<Bytes> parsed = ParseBytes(c.text);
    ASSERT_TRUE(parsed.ok()) << c.text << ": " << parsed.status();
    EXPECT_EQ(parsed->count(), c.bytes) << c.text;
  }
}

TEST(BytesTest, RefusesWhatIsNotASize) {
  for (absl::string_view text : {"",
                                 " ",
                                 "GiB",
                                 "-1",
                                 "+1",
                                 "1 GiB",
                                 " 1GiB",
                                 "1GiB ",
                                 "24G",
                                 "24g",
                                 "24gib",
                                 "1.GiB",
                                 ".5GiB",
                                 "1.5",
                                 "1e9",
                                 "0x10",
                                 "1..5GiB",
                                 "1.5.5GiB",
                                 "18446744073709551616",
                                 "16384PiB",
                                 "18014398509481984KiB",
                                 "99999999999999999999999GiB",
                                 "1GiB\n",
                                 "90%",
                                 "nan",
                                 "inf"}) {
    EXPECT_EQ(ParseBytes(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(BytesTest, RefusalNamesWhatWasGivenAndAnExample) {
  const std::string message(ParseBytes("24G").status().message());
  EXPECT_THAT(message, testing::HasSubstr("'24G'"));
  EXPECT_THAT(message, testing::HasSubstr("24GiB"));
  // A megabyte of rubbish is not echoed whole, nor are its control characters.
  const std::string rubbish(1 << 20, '\x1b');
  EXPECT_LT(ParseBytes(rubbish).status().message().size(), 512u);
  EXPECT_EQ(ParseBytes(rubbish).status().message().find('\x1b'),
            absl::string_view::npos);
}

TEST(BytesTest, PrintsRoundedDownAndReadable) {
  EXPECT_EQ(ToString(Bytes(0)), "0B");
  EXPECT_EQ(ToString(Bytes(1023)), "1023B");
  EXPECT_EQ(ToString(KiB(1)), "1KiB");
  EXPECT_EQ(ToString(MiB(1536)), "1.5GiB");
  EXPECT_EQ(ToString(GiB(1) - Bytes(1)), "1023.99MiB");
  EXPECT_EQ(ToString(Bytes(1024 + 11)), "1.01KiB");
  EXPECT_EQ(ToString(Bytes(kMax)), "16383.99PiB");
}

TEST(BytesTest, WhatIsPrintedParsesBackToNoMore) {
  uint64_t value = 1;
  for (int i = 0; i < 2000; ++i) {
    value = value * 6364136223846793005u + 1442695040888963407u;
    const Bytes size(value >> (i % 64));
    absl::StatusOr<Bytes> back = ParseBytes(ToString(size));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_LE(*back, size);
    EXPECT_GE(back->count(), size.count() - size.count() / 99);
  }
}

TEST(BytesTest, CheckedArithmeticSaysWhenItWouldWrap) {
  EXPECT_EQ(CheckedAdd(Bytes(kMax), Bytes(1)), std::nullopt);
  EXPECT_EQ(CheckedAdd(Bytes(kMax - 1), Bytes(1)), Bytes(kMax));
  EXPECT_EQ(CheckedMultiply(GiB(4), uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(CheckedMultiply(GiB(4), 4), GiB(16));
  EXPECT_EQ(SaturatingSubtract(Bytes(1), Bytes(2)), Bytes(0));
}

TEST(BytesTest, AlignsToAnyUnit) {
  EXPECT_EQ(AlignDown(MiB(5), MiB(2)), MiB(4));
  EXPECT_EQ(AlignUp(MiB(5), MiB(2)), MiB(6));
  EXPECT_EQ(AlignUp(MiB(6), MiB(2)), MiB(6));
  EXPECT_EQ(AlignUp(Bytes(10), Bytes(3)), Bytes(12));
  EXPECT_EQ(AlignUp(Bytes(kMax), MiB(2)), std::nullopt);
}

}  // namespace
}  // namespace governor
