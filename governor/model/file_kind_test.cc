#include "governor/model/file_kind.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::HasSubstr;

TEST(FileKindTest, NamesWhatPeopleGiveByMistake) {
  const struct {
    absl::string_view bytes;
    const char* kind;
  } kCases[] = {
      {absl::string_view("PK\x03\x04\x14\0", 6), "zip"},
      {"\x1F\x8B\x08", "gzip"},
      {"version https://git-lfs.github.com/spec/v1", "Git LFS"},
      {absl::string_view("tjgg\x03\0\0\0", 8), "ggjt"},
      {"<!DOCTYPE html>", "HTML"},
      {"{\"architectures\"", "JSON"},
      {"\x80\x02}q", "pickle"},
      {absl::string_view("\x10\0\0\0\0\0\0\0{\"a\"", 12), "safetensors"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(DescribeForeignFile(c.bytes), HasSubstr(c.kind));
  }
}

TEST(FileKindTest, ShowsFourBytesOfTheUnknown) {
  EXPECT_THAT(DescribeForeignFile(absl::string_view("\x7f"
                                                    "ELF\x02",
                                                    5)),
              HasSubstr("'\\177ELF'"));
  EXPECT_THAT(DescribeForeignFile(""), HasSubstr("''"));
  // A length above 2^32 is no header of safetensors.
  EXPECT_THAT(DescribeForeignFile(absl::string_view("\0\0\0\0\x01\0\0\0{", 9)),
              HasSubstr("unknown"));
}

}  // namespace
}  // namespace governor
