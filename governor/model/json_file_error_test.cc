#include "governor/model/json_file_error.h"

#include <string>

#include "gmock/gmock.h"
#include "governor/model/read_config.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string MessageOf(const std::string& text) {
  const MemoryByteSource source(text);
  const absl::Status error = ReadConfig(source).status();
  EXPECT_FALSE(error.ok()) << text;
  const absl::Status named = JsonFileError(error, source, "config.json");
  EXPECT_EQ(named.code(), error.code());
  return std::string(named.message());
}

TEST(JsonFileErrorTest, NamesTheFileAndWhatItIsInstead) {
  EXPECT_THAT(MessageOf("version https://git-lfs.github.com/spec/v1\n"),
              AllOf(HasSubstr("config.json: "), HasSubstr("git lfs pull")));
  EXPECT_THAT(MessageOf("\n <!DOCTYPE html>"), HasSubstr("an HTML page"));
  EXPECT_THAT(MessageOf("\xEF\xBB\xBF{}"), HasSubstr("byte order mark"));
  EXPECT_THAT(MessageOf("[1]"), HasSubstr("starts with '[1]'"));
}

TEST(JsonFileErrorTest, SaysWhereAFileIsCutShort) {
  for (const char* text :
       {R"({"a": )", R"({"a": "b)", R"({"a": [1, 2)", R"({"a": 1)", "{"}) {
    EXPECT_THAT(MessageOf(text),
                AllOf(HasSubstr("config.json: "), HasSubstr("cut short")))
        << text;
  }
  EXPECT_THAT(MessageOf(R"({"a": 1,,})"),
              AllOf(HasSubstr("offset 8"), Not(HasSubstr("cut short")),
                    Not(HasSubstr("no JSON object"))));
}

}  // namespace
}  // namespace governor
