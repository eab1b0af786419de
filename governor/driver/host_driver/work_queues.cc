#include "governor/driver/host_driver/work_queues.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace governor {

// Guarded by the mutex of the WorkQueues that made it.
class WorkQueues::Queue {
 public:
  std::deque<Item> items;
  uint64_t submitted = 0;
  uint64_t completed = 0;
  bool running = false;
  bool held = false;
};

namespace {

// Done, or not: the caller holds the lock.
template <typename Point>
bool Passed(const Point& point) {
  return point.queue == nullptr || point.queue->completed >= point.ticket;
}

// Work's own lack of memory is an answer, too: nothing may leave by throwing.
CUresult Do(const WorkQueues::Work& work) noexcept {
  try {
    return work();
  } catch (...) {
    return CUDA_ERROR_OUT_OF_MEMORY;
  }
}

}  // namespace

WorkQueues::WorkQueues(std::function<void(CUresult)> on_late_failure)
    : on_late_failure_(std::move(on_late_failure)) {}

WorkQueues::~WorkQueues() {
  MutexLock lock(mutex_);
  closing_ = true;
  // Breaks the cycles: an item may hold its own queue.
  for (const std::shared_ptr<Queue>& queue : waiting_) queue->items.clear();
  waiting_.clear();
  while (threads_ > 0) finished_.Wait(mutex_);
}

std::shared_ptr<WorkQueues::Queue> WorkQueues::NewQueue() {
  return std::make_shared<Queue>();
}

WorkQueues::Submitted WorkQueues::Submit(const std::shared_ptr<Queue>& queue,
                                         const std::vector<Point>& after,
                                         Work work, Thread thread) {
  MutexLock lock(mutex_);
  const bool free = queue->items.empty() && !queue->running && !queue->held &&
                    std::all_of(after.begin(), after.end(), Passed<Point>);
  if (free && thread == Thread::kAny) {
    const Point point = {queue, ++queue->submitted};
    queue->running = true;
    mutex_.Unlock();
    const CUresult result = Do(work);
    mutex_.Lock();
    Finish(*queue);
    return {point, result};
  }
  waiting_.reserve(waiting_.size() + 1);
  queue->items.push_back({after, std::move(work), thread});
  if (queue->items.size() == 1) waiting_.push_back(queue);
  const Point point = {queue, ++queue->submitted};
  RunReady();
  return {point, std::nullopt};
}

WorkQueues::Point WorkQueues::Last(const std::shared_ptr<Queue>& queue) {
  MutexLock lock(mutex_);
  return {queue, queue->submitted};
}

bool WorkQueues::Done(const Point& point) {
  MutexLock lock(mutex_);
  return Passed(point);
}

void WorkQueues::Wait(const Point& point) {
  MutexLock lock(mutex_);
  while (!Passed(point)) {
    ++blocked_;
    finished_.Wait(mutex_);
    --blocked_;
  }
}

int WorkQueues::blocked() {
  MutexLock lock(mutex_);
  return blocked_;
}

void WorkQueues::Hold(const std::shared_ptr<Queue>& queue) {
  MutexLock lock(mutex_);
  queue->held = true;
}

void WorkQueues::Release(const std::shared_ptr<Queue>& queue) {
  MutexLock lock(mutex_);
  queue->held = false;
  RunReady();
}

bool WorkQueues::IsReady(const Queue& queue) {
  if (queue.items.empty() || queue.running || queue.held) return false;
  const std::vector<Point>& after = queue.items.front().after;
  return std::all_of(after.begin(), after.end(), Passed<Point>);
}

void WorkQueues::RunReady() {
  while (!closing_) {
    const auto ready = std::find_if(
        waiting_.begin(), waiting_.end(),
        [this](const std::shared_ptr<Queue>& queue)
            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return IsReady(*queue); });
    if (ready == waiting_.end()) return;
    const std::shared_ptr<Queue> queue = *ready;
    Item item = std::move(queue->items.front());
    queue->items.pop_front();
    if (queue->items.empty()) waiting_.erase(ready);
    queue->running = true;
    RunItem(queue, std::move(item));
  }
}

void WorkQueues::RunItem(const std::shared_ptr<Queue>& queue, Item item) {
  if (item.thread == Thread::kOwn) {
    ++threads_;
    std::thread([this, queue, work = std::move(item.work)]() mutable {
      const CUresult result = Do(work);
      if (result != CUDA_SUCCESS) on_late_failure_(result);
      work = nullptr;
      MutexLock lock(mutex_);
      Finish(*queue);
      --threads_;
      finished_.NotifyAll();
    }).detach();
    return;
  }
  mutex_.Unlock();
  const CUresult result = Do(item.work);
  if (result != CUDA_SUCCESS) on_late_failure_(result);
  // What the work owned goes without the lock, too.
  item = Item();
  mutex_.Lock();
  queue->running = false;
  ++queue->completed;
  finished_.NotifyAll();
}

void WorkQueues::Finish(Queue& queue) {
  queue.running = false;
  ++queue.completed;
  finished_.NotifyAll();
  if (!waiting_.empty()) RunReady();
}

}  // namespace governor
