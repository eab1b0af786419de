#include "governor/model/utf8.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(Utf8Test, AcceptsEveryLength) {
  for (absl::string_view text :
       {"", "a", "blk.0.attn_k.weight", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
        "\xED\x9F\xBF", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF",
        "a\xC3\xA9z"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
  EXPECT_TRUE(IsValidUtf8(absl::string_view("a\0b", 3)));
}

TEST(Utf8Test, RefusesWhatIsNotWellFormed) {
  for (absl::string_view text : {"\x80",              // a continuation alone
                                 "\xC3",              // cut short
                                 "\xE2\x82",          // cut short
                                 "\xF0\x9F\x98",      // cut short
                                 "\xC3(",             // not continued
                                 "\xC0\xAF",          // overlong '/'
                                 "\xE0\x80\xAF",      // overlong '/'
                                 "\xF0\x80\x80\xAF",  // overlong '/'
                                 "\xED\xA0\x80",      // surrogate
                                 "\xF4\x90\x80\x80",  // above U+10FFFF
                                 "\xF5\x80\x80\x80", "\xFF", "good\xFE"}) {
    EXPECT_FALSE(IsValidUtf8(text));
  }
}

// A byte that continues nothing in the middle position is found, too.
TEST(Utf8Test, ChecksEachContinuation) {
  EXPECT_FALSE(IsValidUtf8("\xE2(\xAC"));
  EXPECT_FALSE(IsValidUtf8("\xE2\x82("));
  EXPECT_FALSE(IsValidUtf8("\xF0\x9F(\x80"));
  EXPECT_FALSE(IsValidUtf8("\xF0\x9F\x98("));
}

}  // namespace
}  // namespace governor
