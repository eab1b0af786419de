#include "governor/budget/entrance.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "gtest/gtest.h"

namespace governor {
namespace {

TEST(EntranceTest, LetsInUntilItIsClosed) {
  const int owner = 0;
  Entrance entrance(&owner);
  EXPECT_TRUE(Entrance::Visit(entrance).is_inside());
  EXPECT_TRUE(Entrance::Visit(entrance).is_inside());
  entrance.Close();
  EXPECT_FALSE(Entrance::Visit(entrance).is_inside());
  entrance.Close();
}

TEST(EntranceTest, ThisThreadIsInsideWhatItVisitsHoweverDeep) {
  const int owner = 0, other = 0;
  Entrance entrance(&owner), inner(&other);
  EXPECT_FALSE(Entrance::ThisThreadIsInside(&owner));
  {
    const Entrance::Visit outer_visit(entrance);
    const Entrance::Visit inner_visit(inner);
    EXPECT_TRUE(Entrance::ThisThreadIsInside(&owner));
    EXPECT_TRUE(Entrance::ThisThreadIsInside(&other));
    std::thread([&] {
      EXPECT_FALSE(Entrance::ThisThreadIsInside(&owner));
    }).join();
  }
  EXPECT_FALSE(Entrance::ThisThreadIsInside(&other));
  EXPECT_FALSE(Entrance::ThisThreadIsInside(&owner));
}

TEST(EntranceTest, AVisitToWhatIsClosedIsNotInside) {
  const int owner = 0;
  Entrance entrance(&owner);
  entrance.Close();
  const Entrance::Visit visit(entrance);
  EXPECT_FALSE(Entrance::ThisThreadIsInside(&owner));
}

TEST(EntranceTest, WhoClosesMayBeInsideTwice) {
  const int owner = 0;
  Entrance entrance(&owner), between(&owner);
  const Entrance::Visit first(entrance);
  const Entrance::Visit other(between);
  const Entrance::Visit second(entrance);
  entrance.Close();  // returns
  EXPECT_FALSE(Entrance::Visit(entrance).is_inside());
  EXPECT_TRUE(Entrance::Visit(between).is_inside());
}

TEST(EntranceTest, AnExceptionLeavesToo) {
  const int owner = 0;
  Entrance entrance(&owner);
  try {
    const Entrance::Visit visit(entrance);
    throw std::runtime_error("a user's");
  } catch (const std::runtime_error&) {
  }
  EXPECT_FALSE(Entrance::ThisThreadIsInside(&owner));
  std::thread([&] { entrance.Close(); }).join();  // returns
}

TEST(EntranceTest, ClosingWaitsForOtherThreadsAlsoFromInside) {
  for (const bool from_inside : {false, true}) {
    SCOPED_TRACE(from_inside);
    const int owner = 0;
    Entrance entrance(&owner);
    std::atomic<bool> entered{false};
    std::atomic<bool> left{false};
    std::thread visitor([&] {
      {
        const Entrance::Visit visit(entrance);
        entered = true;
        // Until nobody comes in any more: Close is under way.
        while (Entrance::Visit(entrance).is_inside()) {
          std::this_thread::yield();
        }
        left = true;
      }
    });
    while (!entered) std::this_thread::yield();
    if (from_inside) {
      const Entrance::Visit own(entrance);
      entrance.Close();
      EXPECT_TRUE(left);
    } else {
      entrance.Close();
      EXPECT_TRUE(left);
    }
    visitor.join();
  }
}

}  // namespace
}  // namespace governor
