#ifndef GOVERNOR_BUDGET_ANNOUNCEMENTS_H_
#define GOVERNOR_BUDGET_ANNOUNCEMENTS_H_

#include <optional>
#include <vector>

#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/budget/budget.h"

namespace governor {

// The shrinks of one budget that are under way. Thread-safe; its lock is a
// leaf.
class Announcements {
 public:
  // One that is under way while the object lives.
  class Scope {
   public:
    Scope(Announcements& all, const Budget::Announcement& one);
    // Ends it; by an exception, too.
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Announcements& all_;
    const Budget::Announcement one_;
  };

  // The one with the lowest target.
  std::optional<Budget::Announcement> Strictest() const;

 private:
  const ProcessEpoch process_;
  mutable Mutex mutex_;
  std::vector<const Budget::Announcement*> under_way_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_ANNOUNCEMENTS_H_
