#ifndef GOVERNOR_BUDGET_BUDGET_H_
#define GOVERNOR_BUDGET_BUDGET_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/budget/grant.h"
#include "governor/budget/reclaimer.h"
#include "governor/budget/refusal.h"
#include "governor/budget/tag.h"

namespace governor {

struct AcquireOptions {
  // How long a request that is short may wait for others to give back.
  absl::Time deadline = absl::InfinitePast();
  // Whose bytes these are; by default the calling thread's Tag::Current().
  std::optional<Tag> tag = std::nullopt;
  // Of several requests that wait, the highest that fits is served first;
  // absent: 0.
  std::optional<int> priority = std::nullopt;
};

// Counts who holds how much of one memory. It only counts; it never allocates.
// Thread-safe. Many processes may share one Budget.
//
// It outlives its grants and its registrations. In a forked child it grants
// nothing.
//
// Where the host has no memory left std::bad_alloc passes, with nothing granted
// and nothing registered. To drop a grant needs none.
class Budget {
 public:
  // Ends a reclaimer's membership; waits for calls of it that other threads
  // are still inside.
  class Registration {
   public:
    virtual ~Registration() = default;
  };

  virtual ~Budget() = default;

  // Grants exactly `size` until the Grant is dropped. While short: trims
  // caches; and until the deadline asks the other reclaimers, lowest priority
  // first, and waits for grants to be dropped. Holds no lock while one runs.
  // RESOURCE_EXHAUSTED: still short, with a Refusal; nothing was granted, and
  //   asking again may work. Never returned when there was room from the call
  //   to the return.
  // INVALID_ARGUMENT: `size` is zero.
  // FAILED_PRECONDITION: in a forked child.
  virtual absl::StatusOr<Grant> Acquire(Bytes size,
                                        const AcquireOptions& options) = 0;

  // The same, of what is free at this moment: trims, asks and waits for
  // nothing, and so may be called with a lock held. An empty Grant when short.
  virtual Grant TryAcquire(Bytes size, Tag tag) = 0;

  // Counts bytes that exist already, whether or not there is room: granted()
  // may then exceed limit(), and nothing more is granted until it does not.
  virtual Grant Charge(Bytes size, Tag tag) = 0;

  // Why `size` would be refused now, by `limited_by`.
  virtual Refusal Describe(Bytes size, Tag tag,
                           absl::string_view limited_by) const = 0;

  // `reclaimer` is asked from now on until the registration is destroyed.
  virtual std::unique_ptr<Registration> Register(
      Reclaimer& reclaimer, const ReclaimerOptions& options) = 0;

  // The most that may be granted.
  virtual Bytes limit() const = 0;

  // What is granted now, and of that under one tag. O(1), lock-free, and so
  // perhaps a moment old.
  virtual Bytes granted() const = 0;
  virtual Bytes granted(Tag tag) const = 0;

  // True while a request waits for grants to be dropped: whoever keeps some for
  // later should drop them now. Lock-free.
  virtual bool has_waiters() const = 0;

  // The most that was ever granted at once.
  virtual Bytes peak() const = 0;

 protected:
  friend class Grant;

  static Grant MakeGrant(Budget* budget, Bytes size, Tag tag) {
    return Grant(budget, size, tag);
  }

  virtual void Return(Bytes size, Tag tag) = 0;
  virtual void Move(Bytes size, Tag from, Tag to) = 0;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_BUDGET_H_
