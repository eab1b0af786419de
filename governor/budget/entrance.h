#ifndef GOVERNOR_BUDGET_ENTRANCE_H_
#define GOVERNOR_BUDGET_ENTRANCE_H_

#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/base/should_stop.h"

namespace governor {

// The way into one function of a user, for whoever may take that function away:
// Close waits until nobody else is inside. It runs nothing itself.
//
// Thread-safe; outlives its visits, but for those of the thread that ends it.
class Entrance {
 public:
  // `owner` is whose function it is, for ThisThreadIsInside.
  explicit Entrance(const void* owner) : owner_(owner) {}
  Entrance(const Entrance&) = delete;
  Entrance& operator=(const Entrance&) = delete;

  // A thread inside, as long as it lives. Visits of one thread nest.
  class Visit {
   public:
    explicit Visit(Entrance& entrance);
    // Leaves; by an exception, too.
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    // False: the entrance was closed. Go away then.
    bool is_inside() const { return inside_; }

   private:
    friend class Entrance;
    Entrance& entrance_;
    Visit* const outer_;
    bool inside_;
  };

  // Lets nobody in any more, and returns when every other thread has left. The
  // calling thread may be inside itself. False: `should_stop` said so first,
  // and somebody is inside still; nobody comes in, and it can be called again.
  // In a forked child it does nothing.
  bool Close(const ShouldStop& should_stop = nullptr);

  // Whether the calling thread is inside an entrance of `owner` now, however
  // deep.
  static bool ThisThreadIsInside(const void* owner);

 private:
  static thread_local Visit* innermost_;

  const void* const owner_;
  const ProcessEpoch process_;
  Mutex mutex_;
  CondVar left_;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_ENTRANCE_H_
