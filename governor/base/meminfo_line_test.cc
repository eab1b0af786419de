#include "governor/base/meminfo_line.h"

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(MeminfoLineTest, ReadsTheLineOfThatName) {
  const char kText[] =
      "MemTotal:       24684096 kB\n"
      "MemFree:          123456 kB\n"
      "MemAvailable:   20000000 kB\n";
  EXPECT_EQ(ParseMeminfo(kText, "MemFree"), KiB(123456));
  EXPECT_EQ(ParseMeminfo(kText, "MemAvailable"), KiB(20000000));
}

TEST(MeminfoLineTest, WhatIsNoSizeIsNothing) {
  for (const char* text :
       {"", "MemTotal: 1 kB\n", "MemFree: many kB\n", "MemFree: 1\n",
        "MemFree: -1 kB\n", "MemFree:18014398509481984 kB\n", "MemFree"}) {
    EXPECT_EQ(ParseMeminfo(text, "MemFree"), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace governor
