#ifndef GOVERNOR_DRIVER_HOST_DRIVER_WORK_QUEUES_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_WORK_QUEUES_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "governor/base/mutex.h"
#include "governor/driver/driver_api.h"

namespace governor {

// Queues of work: in order inside each, and after points of others. What a
// stream of the host driver is made of. Work runs as soon as nothing holds it
// back, in the thread that made it ready: of a driver that nobody holds back,
// in the caller's, before Submit returns. Work that throws has failed with
// OUT_OF_MEMORY. Thread-safe; no lock is held while work runs.
class WorkQueues {
 public:
  using Work = std::function<CUresult()>;

  class Queue;
  // All that was submitted to a queue up to some moment. A default Point is
  // done.
  struct Point {
    std::shared_ptr<Queue> queue;
    uint64_t ticket = 0;
  };

  // `on_late_failure` hears of work that failed after Submit had returned.
  explicit WorkQueues(std::function<void(CUresult)> on_late_failure);
  // Drops work that was held back. Waits for what runs in threads of its own;
  // no other may run.
  ~WorkQueues();
  WorkQueues(const WorkQueues&) = delete;
  WorkQueues& operator=(const WorkQueues&) = delete;

  std::shared_ptr<Queue> NewQueue();

  // Where work may run.
  enum class Thread {
    kAny,
    kOwn,  // a new one: for what may wait for its submitter
  };
  struct Submitted {
    Point point;
    std::optional<CUresult> result;  // of work that this thread ran already
  };
  Submitted Submit(const std::shared_ptr<Queue>& queue,
                   const std::vector<Point>& after, Work work,
                   Thread thread = Thread::kAny);

  Point Last(const std::shared_ptr<Queue>& queue);
  bool Done(const Point& point);
  void Wait(const Point& point);
  // How many threads are in Wait, for a point that is not done.
  int blocked();

  // From now on no work of the queue begins, until Release.
  void Hold(const std::shared_ptr<Queue>& queue);
  void Release(const std::shared_ptr<Queue>& queue);

 private:
  struct Item {
    std::vector<Point> after;
    Work work;
    Thread thread;
  };

  bool IsReady(const Queue& queue) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Runs what is ready until nothing is. Gives up the lock while work runs.
  void RunReady() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunItem(const std::shared_ptr<Queue>& queue, Item item)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The queue's running work is done.
  void Finish(Queue& queue) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::function<void(CUresult)> on_late_failure_;
  Mutex mutex_;
  CondVar finished_;
  // Queues that have items waiting.
  std::vector<std::shared_ptr<Queue>> waiting_ ABSL_GUARDED_BY(mutex_);
  int blocked_ ABSL_GUARDED_BY(mutex_) = 0;
  int threads_ ABSL_GUARDED_BY(mutex_) = 0;  // of kOwn, alive
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_WORK_QUEUES_H_
