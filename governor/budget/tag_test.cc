#include "governor/budget/tag.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(TagTest, TheSameNameIsTheSameTag) {
  const Tag kv = *Tag::Named("kv");
  EXPECT_EQ(kv, *Tag::Named("kv"));
  EXPECT_NE(kv, *Tag::Named("weights"));
  EXPECT_EQ(kv.name(), "kv");
  EXPECT_EQ(Tag().name(), "untagged");
  EXPECT_EQ(Tag::Cached().name(), "cached");
  EXPECT_EQ(Tag::Allowance().name(), "allowance");
}

TEST(TagTest, RefusesWhatIsNotAName) {
  for (absl::string_view name :
       {absl::string_view(""), absl::string_view("a\nb"),
        absl::string_view("cached"), absl::string_view("allowance"),
        absl::string_view("a\0b", 3), absl::string_view("k\xc3\xb6")}) {
    EXPECT_EQ(Tag::Named(name).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_TRUE(Tag::Named(std::string(63, 'x')).ok());
  EXPECT_FALSE(Tag::Named(std::string(64, 'x')).ok());
}

TEST(TagTest, ScopesNest) {
  const Tag kv = *Tag::Named("kv");
  const Tag weights = *Tag::Named("weights");
  {
    const ScopedTag outer(kv);
    EXPECT_EQ(Tag::Current(), kv);
    {
      const ScopedTag inner(weights);
      EXPECT_EQ(Tag::Current(), weights);
    }
    EXPECT_EQ(Tag::Current(), kv);
  }
  EXPECT_EQ(Tag::Current(), Tag());
}

TEST(TagTest, TheTableIsBoundedAndKnownNamesStayKnown) {
  const Tag kv = *Tag::Named("kv");
  absl::Status last;
  for (size_t i = 0; i < 2 * Tag::kMaxTags; ++i) {
    last = Tag::Named(absl::StrCat("request-", i)).status();
  }
  EXPECT_EQ(last.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*Tag::Named("kv"), kv);
}

}  // namespace
}  // namespace governor
