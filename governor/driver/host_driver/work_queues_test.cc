#include "governor/driver/host_driver/work_queues.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace governor {
namespace {

class WorkQueuesTest : public testing::Test {
 protected:
  WorkQueues::Work Note(const std::string& name) {
    return [this, name] {
      order_ += name;
      return CUDA_SUCCESS;
    };
  }

  std::string order_;
  CUresult late_failure_ = CUDA_SUCCESS;
  WorkQueues queues_{[this](CUresult result) { late_failure_ = result; }};
  std::shared_ptr<WorkQueues::Queue> a_ = queues_.NewQueue();
  std::shared_ptr<WorkQueues::Queue> b_ = queues_.NewQueue();
};

TEST_F(WorkQueuesTest, RunsAtOnceAndAnswers) {
  const WorkQueues::Submitted submitted =
      queues_.Submit(a_, {}, [] { return CUDA_ERROR_UNKNOWN; });
  EXPECT_EQ(submitted.result, CUDA_ERROR_UNKNOWN);
  EXPECT_TRUE(queues_.Done(submitted.point));
  EXPECT_EQ(late_failure_, CUDA_SUCCESS);
}

TEST_F(WorkQueuesTest, HoldsBackAndKeepsOrder) {
  queues_.Hold(a_);
  const WorkQueues::Submitted first = queues_.Submit(a_, {}, Note("1"));
  const WorkQueues::Submitted second = queues_.Submit(a_, {}, Note("2"));
  EXPECT_FALSE(first.result.has_value());
  EXPECT_FALSE(queues_.Done(first.point));
  EXPECT_EQ(order_, "");
  queues_.Release(a_);
  EXPECT_TRUE(queues_.Done(second.point));
  EXPECT_EQ(order_, "12");
}

TEST_F(WorkQueuesTest, WaitsForPointsOfOthers) {
  queues_.Hold(a_);
  const WorkQueues::Submitted first = queues_.Submit(a_, {}, Note("1"));
  queues_.Submit(b_, {first.point}, Note("2"));
  queues_.Submit(b_, {}, Note("3"));
  EXPECT_EQ(order_, "");
  queues_.Release(a_);
  EXPECT_EQ(order_, "123");
}

TEST_F(WorkQueuesTest, LateFailuresAreHeardOf) {
  queues_.Hold(a_);
  queues_.Submit(a_, {}, [] { return CUDA_ERROR_UNKNOWN; });
  EXPECT_EQ(late_failure_, CUDA_SUCCESS);
  queues_.Release(a_);
  EXPECT_EQ(late_failure_, CUDA_ERROR_UNKNOWN);
}

TEST_F(WorkQueuesTest, OwnThreadsMayWaitForTheSubmitter) {
  queues_.Hold(b_);
  const WorkQueues::Point gate = queues_.Submit(b_, {}, Note("1")).point;
  const WorkQueues::Submitted waits = queues_.Submit(
      a_, {},
      [&] {
        queues_.Wait(gate);
        order_ += "2";
        return CUDA_SUCCESS;
      },
      WorkQueues::Thread::kOwn);
  EXPECT_FALSE(queues_.Done(waits.point));
  queues_.Release(b_);
  queues_.Wait(waits.point);
  EXPECT_EQ(order_, "12");
}

TEST_F(WorkQueuesTest, ManyThreadsKeepEachQueuesOrder) {
  constexpr int kThreads = 4;
  constexpr int kEach = 2000;
  std::vector<std::shared_ptr<WorkQueues::Queue>> queues;
  std::vector<int> counts(kThreads, 0);
  for (int i = 0; i < kThreads; ++i) queues.push_back(queues_.NewQueue());
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < kEach; ++n) {
        // Each waits for what its neighbour has done so far.
        queues_.Submit(queues[i], {queues_.Last(queues[(i + 1) % kThreads])},
                       [&, i] {
                         ++counts[i];  // no lock: a queue runs one at a time
                         return CUDA_SUCCESS;
                       });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& queue : queues) queues_.Wait(queues_.Last(queue));
  EXPECT_EQ(counts, std::vector<int>(kThreads, kEach));
}

TEST_F(WorkQueuesTest, DropsWhatIsHeldBackAtTheEnd) {
  auto owned = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = owned;
  {
    WorkQueues queues([](CUresult) {});
    const std::shared_ptr<WorkQueues::Queue> queue = queues.NewQueue();
    queues.Hold(queue);
    queues.Submit(queue, {}, [owned = std::move(owned)] {
      ADD_FAILURE();
      return CUDA_SUCCESS;
    });
    EXPECT_FALSE(watch.expired());
  }
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace governor
