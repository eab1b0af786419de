#include "governor/model/json_events.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gmock/gmock.h"
#include "governor/model/byte_source.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

// Writes down what it hears.
class Recorder final : public JsonEvents {
 public:
  absl::Status Null() override { return Add("null"); }
  absl::Status Bool(bool value) override { return Add(value ? "yes" : "no"); }
  absl::Status Number(JsonNumber value) override {
    if (const auto* u = std::get_if<uint64_t>(&value)) {
      return Add(absl::StrCat("u", *u));
    }
    if (const auto* i = std::get_if<int64_t>(&value)) {
      return Add(absl::StrCat("i", *i));
    }
    return Add(absl::StrFormat("d%g", std::get<double>(value)));
  }
  absl::Status String(absl::string_view value) override {
    return Add(absl::StrCat("'", value, "'"));
  }
  absl::Status StartObject() override { return Add("{"); }
  absl::Status Key(absl::string_view name) override {
    return Add(absl::StrCat(name, ":"));
  }
  absl::Status EndObject() override { return Add("}"); }
  absl::Status StartArray() override { return Add("["); }
  absl::Status EndArray() override { return Add("]"); }

  std::string heard;
  std::string stop_at;  // an event that ends the reading

 private:
  absl::Status Add(absl::string_view event) {
    absl::StrAppend(&heard, heard.empty() ? "" : " ", event);
    if (!stop_at.empty() && event == stop_at) {
      return absl::FailedPreconditionError("enough");
    }
    return absl::OkStatus();
  }
};

constexpr int kDepth = 16;

absl::Status Read(absl::string_view text, Recorder& recorder) {
  const MemoryByteSource source(text);
  return ReadJson(source, 0, text.size(), kDepth, recorder);
}

std::string Heard(absl::string_view text) {
  Recorder recorder;
  const absl::Status status = Read(text, recorder);
  return status.ok() ? recorder.heard : status.ToString();
}

absl::Status Refusal(absl::string_view text) {
  Recorder recorder;
  return Read(text, recorder);
}

TEST(JsonEventsTest, TellsEveryKindInOrder) {
  EXPECT_EQ(Heard(R"( {"a": [1, -2, 1.5, "x"],
                       "b": {"c": null, "d": true, "e": false}} )"),
            "{ a: [ u1 i-2 d1.5 'x' ] b: { c: null d: yes e: no } }");
  EXPECT_EQ(Heard("7"), "u7");
}

TEST(JsonEventsTest, WholeNumbersKeepEveryDigit) {
  EXPECT_EQ(Heard("18446744073709551615"), "u18446744073709551615");
  EXPECT_EQ(Heard("-9223372036854775808"), "i-9223372036854775808");
  EXPECT_EQ(Heard("18446744073709551616"), "d1.84467e+19");
  EXPECT_EQ(Heard("1e2"), "d100");
}

TEST(JsonEventsTest, EscapesAreResolved) {
  EXPECT_EQ(Heard(R"("a\"\\\/\nA\ud83d\ude00")"),
            "'a\"\\/\nA\xF0\x9F\x98\x80'");
}

TEST(JsonEventsTest, WhatIsNotJsonIsRefusedWithItsOffset) {
  for (const absl::string_view text : {"",
                                       "  ",
                                       "{",
                                       "[1",
                                       "{\"a\"}",
                                       "{\"a\":}",
                                       "[1,]",
                                       "{\"a\":1,}",
                                       "nul",
                                       "01",
                                       "+1",
                                       "1.",
                                       ".5",
                                       "NaN",
                                       "'a'",
                                       "{a:1}",
                                       "\"a",
                                       "\"\x01\"",
                                       "\"\\x\"",
                                       "\"\\ud800\"",
                                       "\"\xC0\xAF\"",
                                       "\"\xED\xA0\x80\"",
                                       "[1] x",
                                       "{} {}",
                                       "// c\n1",
                                       "1e999"}) {
    const absl::Status status = Refusal(text);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("offset")) << text;
    EXPECT_LE(status.message().size(), 256u) << text;
  }
}

// Python's reader, which loads the same files, refuses both.
TEST(JsonEventsTest, ANulIsNoEndAndAByteOrderMarkNoStart) {
  for (const absl::string_view text :
       {absl::string_view("{}\0", 3), absl::string_view("{}\0{}", 5),
        absl::string_view("[1,\0", 4), absl::string_view("\0", 1),
        absl::string_view("\xEF\xBB\xBF{}")}) {
    EXPECT_EQ(Refusal(text).code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(Refusal(text).message()), HasSubstr("offset"));
  }
}

TEST(JsonEventsTest, DepthIsLimitedWithoutRecursion) {
  const auto nested = [](int depth, char open, char close) {
    return std::string(depth, open) + std::string(depth, close);
  };
  EXPECT_TRUE(Refusal(nested(kDepth, '[', ']')).ok());
  EXPECT_THAT(std::string(Refusal(nested(kDepth + 1, '[', ']')).message()),
              HasSubstr("nested deeper than 16"));
  EXPECT_THAT(std::string(Refusal(nested(100'000, '[', ']')).message()),
              HasSubstr("nested deeper than 16"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_THAT(std::string(Refusal(objects).message()),
              HasSubstr("nested deeper than 16"));
}

// What a level opened it closes: 17 arrays side by side are no depth.
TEST(JsonEventsTest, DepthIsGivenBack) {
  std::string text = "[";
  for (int i = 0; i < 100; ++i) text += "[[]],";
  EXPECT_TRUE(Refusal(text + "[]]").ok());
}

TEST(JsonEventsTest, PiecesAboveTheLimitAreRefused) {
  const auto refused = [](const std::string& text, const char* limit) {
    const absl::Status status = Refusal(text);
    return status.code() == absl::StatusCode::kInvalidArgument &&
           absl::StrContains(status.message(), limit);
  };
  const std::string most(65'536, 'x');
  EXPECT_TRUE(Refusal(absl::StrCat("\"", most, "\"")).ok());
  EXPECT_TRUE(Refusal(absl::StrCat("[7,\"\\n", most.substr(1), "\"]")).ok());
  EXPECT_TRUE(refused(absl::StrCat("\"", most, "x\""), "65536 bytes"));
  EXPECT_TRUE(refused(absl::StrCat("\"", most, "\\n\""), "65536 bytes"));
  EXPECT_TRUE(refused(absl::StrCat("\"", most, most), "65536 bytes"));
  EXPECT_TRUE(Refusal(std::string(1'024, '1')).code() ==
              absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Refusal("0." + std::string(1'000, '1')).ok());
  EXPECT_TRUE(refused(std::string(65'600, '1'), "1024 bytes"));
}

TEST(JsonEventsTest, AnyAmountOfSpaceAndOfPiecesIsRead) {
  EXPECT_EQ(Heard(absl::StrCat(std::string(200'000, ' '), "[1,",
                               std::string(200'000, '\n'), "2]",
                               std::string(200'000, '\t'))),
            "[ u1 u2 ]");
  std::string numbers = "[0";
  for (int i = 0; i < 100'000; ++i) numbers += ",12";
  EXPECT_TRUE(Refusal(numbers + "]").ok());
  std::string bools = "[true";
  for (int i = 0; i < 100'000; ++i) bools += ",true,[],null";
  EXPECT_TRUE(Refusal(bools + "]").ok());
  std::string strings = "[\"\"";
  for (int i = 0; i < 50'000; ++i) strings += ", \"a\\\"b\"";
  EXPECT_TRUE(Refusal(strings + "]").ok());
}

// Another reader of the same language, on texts made of its pieces.
TEST(JsonEventsTest, AgreesWithAnotherReader) {
  constexpr absl::string_view kPieces[] = {
      "{",       "}",       "[",      "]",   ",",    ":",        "\"a\"",
      "\"b",     "\\u00",   "e9",     "\\n", "\"",   "0",        "-",
      "1",       "23",      ".",      "e",   "E+",   "true",     "null",
      "tru",     "false",   " ",      "\n",  "\x01", "\xC3\xA9", "\xC3",
      "\\ud83d", "\\ude00", "\"x\":", "/",   "\\",   "1e400",    "\"\"",
  };
  std::minstd_rand random(7);
  int right = 0;
  for (int i = 0; i < 300'000; ++i) {
    std::string text;
    const int count = static_cast<int>(random() % 7) + 1;
    for (int k = 0; k < count; ++k) {
      const absl::string_view piece = kPieces[random() % std::size(kPieces)];
      text.append(piece.data(), piece.size());
    }
    const bool expected = nlohmann::json::accept(text);
    ASSERT_EQ(Refusal(text).ok(), expected) << text;
    right += expected ? 1 : 0;
  }
  EXPECT_GT(right, 5'000);
}

// Remembers what was read of it.
class Watched final : public ByteSource {
 public:
  explicit Watched(std::string bytes) : bytes_(std::move(bytes)) {}
  Bytes size() const override { return Bytes(bytes_.size()); }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) const override {
    first = std::min(first, offset);
    last = std::max(last, offset + out.size());
    largest = std::max<uint64_t>(largest, out.size());
    if (offset + out.size() > fails_beyond) {
      return absl::DataLossError("the disk is gone");
    }
    return MemoryByteSource(bytes_).ReadAt(offset, out);
  }
  uint64_t fails_beyond = UINT64_MAX;
  mutable uint64_t first = UINT64_MAX;
  mutable uint64_t last = 0;
  mutable uint64_t largest = 0;

 private:
  std::string bytes_;
};

TEST(JsonEventsTest, ReadsNothingOutsideItsPart) {
  const std::string text =
      absl::StrCat("[\"", std::string(40'000, 'x'), "\",\"",
                   std::string(60'000, 'y'), "\"]");
  const Watched source(absl::StrCat("12345678", text, "]]]]"));
  Recorder recorder;
  EXPECT_TRUE(ReadJson(source, 8, text.size(), kDepth, recorder).ok());
  EXPECT_EQ(source.first, 8u);
  EXPECT_EQ(source.last, 8 + text.size());
  EXPECT_EQ(source.largest, 65'536u);
  EXPECT_EQ(recorder.heard.size(), 2 + 40'002 + 1 + 60'002 + 2);
}

TEST(JsonEventsTest, OffsetsAreThoseOfTheSource) {
  const Watched source("12345678[1,x]");
  Recorder recorder;
  const absl::Status status = ReadJson(source, 8, 5, kDepth, recorder);
  EXPECT_THAT(std::string(status.message()), HasSubstr("offset 11"));
}

TEST(JsonEventsTest, AnErrorOfTheSourceIsTheResult) {
  std::string numbers = "[0";
  for (int i = 0; i < 40'000; ++i) numbers += ",12";
  Watched source(numbers + "]");
  for (const uint64_t good : {0, 65'536}) {
    source.fails_beyond = good;
    Recorder recorder;
    EXPECT_EQ(ReadJson(source, 0, source.size().count(), kDepth, recorder),
              absl::DataLossError("the disk is gone"));
  }
}

TEST(JsonEventsTest, AnErrorOfTheListenerEndsTheReading) {
  Recorder recorder;
  recorder.stop_at = "u2";
  EXPECT_EQ(Read("[1,2,3", recorder), absl::FailedPreconditionError("enough"));
  EXPECT_EQ(recorder.heard, "[ u1 u2");
}

}  // namespace
}  // namespace governor
