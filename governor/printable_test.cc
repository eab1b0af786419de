#include "governor/printable.h"

#include <string>

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(PrintableTest, TextStaysAsItIs) {
  EXPECT_EQ(Printable(""), "");
  EXPECT_EQ(Printable("it's \"Llama\" \\ 3.1"), "it's \"Llama\" \\ 3.1");
  EXPECT_EQ(Printable("Größe 模型 🦙"), "Größe 模型 🦙");
}

TEST(PrintableTest, ControlCharactersAreWrittenOut) {
  EXPECT_EQ(Printable("a\x1b[2Jb\n\t\x7f"), "a\\x1b[2Jb\\x0a\\x09\\x7f");
  EXPECT_EQ(Printable(std::string("a\0b", 3)), "a\\x00b");
  // CSI of Latin-1.
  EXPECT_EQ(Printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");
  EXPECT_EQ(Printable("\xc2\xa0"), "\xc2\xa0");
}

TEST(PrintableTest, WhatIsNoUtf8IsWrittenOut) {
  EXPECT_EQ(Printable("\xff"), "\\xff");
  EXPECT_EQ(Printable("a\xc3"), "a\\xc3");
  EXPECT_EQ(Printable("\xe2\x82z"), "\\xe2\\x82z");
  EXPECT_EQ(Printable("\xc0\x80"), "\\xc0\\x80");
}

}  // namespace
}  // namespace governor
