#include "governor/policy/os_reserve.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(OsReserveTest, IsTheLargerOfATwentiethAndAnEighthUpToEightGiB) {
  const struct {
    Bytes ram;
    Bytes reserve;
  } kCases[] = {
      {Bytes(0), Bytes(0)},
      {Bytes(7), Bytes(0)},
      {GiB(8), GiB(1)},
      {GiB(24), GiB(3)},
      {GiB(64) - Bytes(1), GiB(8) - Bytes(1)},
      {GiB(64), GiB(8)},
      {Bytes(127'600'748 * 1024ull), GiB(8)},  // a GB10's MemTotal
      {GiB(160), GiB(8)},
      {GiB(200), GiB(10)},
      {GiB(2000), GiB(100)},
      {Bytes(UINT64_MAX), Bytes(UINT64_MAX / 20)},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(DefaultOsReserve(c.ram), c.reserve) << c.ram;
  }
}

}  // namespace
}  // namespace governor
