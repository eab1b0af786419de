#ifndef GOVERNOR_HOST_PAGE_BACK_H_
#define GOVERNOR_HOST_PAGE_BACK_H_

#include <list>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/host/process_pages.h"
#include "governor/host/swapped_range.h"

namespace governor {

struct PageBackOptions {
  Bytes bytes_per_second = Bytes(200'000'000);
  // Time without a Tick is good for no more than this.
  absl::Duration longest_credit = absl::Milliseconds(100);
  // Addresses that one Tick looks at: 2.5 ms of small pages.
  Bytes looked_at_per_tick = MiB(256);
  // After all ranges were found in memory, until they are looked at again.
  absl::Duration rest = absl::Seconds(10);
};

// Brings swapped pages of registered ranges back once pressure is over, at a
// bounded rate: what swapoff and swapon are used for, without root and without
// a stampede. The kernel itself leaves them in swap until each is touched. It
// starts no thread and reads no clock. Thread-safe; ticks of several threads
// take turns. In a forked child it does nothing.
class PageBack {
 private:
  struct Entry;

 public:
  // A range's membership. It may be destroyed on any thread, also after its
  // range was unmapped, and not after the PageBack. It waits for the portion
  // (at most 2 MiB) of its range that is being read in, and for a SwappedBytes
  // that is looking at the range.
  class Registration {
   public:
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

    // Why the last attempt at the range failed, if it did.
    absl::Status status() const;

   private:
    friend class PageBack;
    Registration(PageBack& owner, std::list<Entry>::iterator entry)
        : owner_(owner), entry_(entry) {}

    PageBack& owner_;
    const std::list<Entry>::iterator entry_;
  };

  // `pages` outlives it.
  PageBack(ProcessPages& pages, const PageBackOptions& options);
  ~PageBack();
  PageBack(const PageBack&) = delete;
  PageBack& operator=(const PageBack&) = delete;

  // Errors as SwappedRange::Create.
  absl::StatusOr<std::unique_ptr<Registration>> Register(
      const MemoryRange& range);

  // Brings back what the rate allows, and returns how much that was. `now` is
  // on a clock that does not step. Time before the first call, and time under
  // pressure, earns nothing. A range that fails is passed over until the next
  // turn, and its registration says why. Waits for the disk; registering and
  // destroying registrations go on meanwhile. Nothing while another thread is
  // inside. Without memory it may throw; the next one goes on where this was.
  Bytes Tick(absl::Duration now, bool pressure_is_over);

  // Of all ranges, now. Looks at every page; ranges that fail count nothing.
  Bytes SwappedBytes();

 private:
  struct Entry {
    std::unique_ptr<SwappedRange> range;
    absl::Status status;
    int users = 0;  // threads that look at the range; it stays while there are
    bool leaving = false;
  };
  using Position = std::list<Entry>::iterator;
  class Visit;
  class Turn;

  void Unregister(Position entry);
  void Earn(absl::Duration now, bool pressure_is_over)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What the credit allows now.
  Bytes Allowed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // `brought_back` was allowed and done.
  void Pay(Bytes brought_back) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Moves on to the next range. False after a turn that found nothing to do.
  bool MoveOn(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The ranges are looked at once more before any rest.
  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  ProcessPages& pages_;
  const PageBackOptions options_;
  const ProcessEpoch epoch_;

  mutable Mutex mutex_;
  CondVar unused_;
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  Position next_ ABSL_GUARDED_BY(mutex_);  // where the turn goes on
  bool ticking_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Duration> last_ ABSL_GUARDED_BY(mutex_);
  absl::Duration credit_ ABSL_GUARDED_BY(mutex_);  // time not yet spent
  // Whether this turn found anything, or began before something new came.
  bool again_ ABSL_GUARDED_BY(mutex_) = true;
  absl::Duration rests_until_ ABSL_GUARDED_BY(mutex_) =
      -absl::InfiniteDuration();
};

}  // namespace governor

#endif  // GOVERNOR_HOST_PAGE_BACK_H_
