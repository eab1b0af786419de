#ifndef GOVERNOR_BUDGET_BUDGET_H_
#define GOVERNOR_BUDGET_BUDGET_H_

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/should_stop.h"
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
  // Ends the wait for room, which is one wait until the deadline otherwise:
  // then the request is CANCELLED, with nothing granted.
  ShouldStop should_stop = nullptr;
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
  // To destroy it ends a reclaimer's membership, and waits for calls of it that
  // other threads are still inside.
  class Registration {
   public:
    virtual ~Registration() = default;

    // The same, but false as soon as `should_stop` says so: then the reclaimer
    // is not called any more, and another thread is still inside; call again,
    // or destroy. For one thread at a time.
    virtual bool End(const ShouldStop& should_stop) = 0;
  };

  virtual ~Budget() = default;

  // Grants exactly `size` until the Grant is dropped. While short, of the limit
  // or of what a gate can spare: trims caches; and until the deadline asks the
  // other reclaimers, in the order of reclaimer.h, and waits for grants to be
  // dropped or the machine to have more. Holds no lock while one runs.
  // RESOURCE_EXHAUSTED: still short, with a Refusal by the limit or by the
  //   gate; nothing was granted, and asking again may work. Never returned when
  //   there was room from the call to the return.
  // INVALID_ARGUMENT: `size` is zero.
  // CANCELLED: options.should_stop ended the wait; nothing was granted.
  // FAILED_PRECONDITION: in a forked child.
  virtual absl::StatusOr<Grant> Acquire(Bytes size,
                                        const AcquireOptions& options) = 0;

  // The same, of what is free at this moment: trims, asks and waits for
  // nothing, and so may be called with a lock held. An empty Grant when short.
  virtual Grant TryAcquire(Bytes size, Tag tag) = 0;

  // Counts bytes that exist already, whether or not there is room: granted()
  // may then exceed limit(), and nothing more is granted until it does not. No
  // gate is asked, and the grant is settled.
  virtual Grant Charge(Bytes size, Tag tag) = 0;

  // Why `size` would be refused now, by `limited_by`.
  virtual Refusal Describe(Bytes size, Tag tag,
                           absl::string_view limited_by) const = 0;

  // For whoever keeps account of refusals: this one was given, by the driver.
  virtual void NoteRefusal(const Refusal& refusal) const = 0;

  // `reclaimer` is asked from now on until the registration is destroyed.
  virtual std::unique_ptr<Registration> Register(
      Reclaimer& reclaimer, const ReclaimerOptions& options) = 0;

  // From now on until the registration is destroyed requests that are short run
  // no callback themselves: they post what they want, call `wake`, and wait for
  // room until their deadline. Whoever registered then calls ServeRequests, on
  // a thread of its own or from its loop. So a callback that blocks holds up no
  // request past its deadline. `wake` is called with no lock held, by any
  // thread, and neither blocks, throws nor calls the budget. Of several servers
  // the latest is woken. The thread that serves does not wait for room itself:
  // nobody would serve it.
  virtual std::unique_ptr<Registration> RegisterServer(
      std::function<void()> wake) = 0;

  // Asks callbacks for what waiting requests want, until none is short, each
  // was asked once, or the latest deadline passed. What one throws is counted
  // (reclaim_faults) and goes to nobody. Called by the server; from inside a
  // reclaimer it does nothing.
  virtual void ServeRequests() = 0;

  // Makes granted() smaller by `wanted`, by `deadline`: announces target and
  // deadline (see announced()), then asks in the order of reclaimer.h, caches
  // again after each callback. Stops at the target or at the deadline, which
  // caches need not heed. Returns how much smaller granted() became, as counted
  // by the budget itself, whatever they said; what they throw is counted and
  // goes to nobody. Called by the server's thread; from inside a reclaimer it
  // does nothing.
  // `most`: the dearest callbacks that are asked.
  virtual Bytes Shrink(
      Bytes wanted, absl::Time deadline,
      ReclaimerOptions::Cost most = ReclaimerOptions::Cost::kDear) = 0;

  // A shrink under way: where granted() is to come, and by when. Of several,
  // the one that goes lowest.
  struct Announcement {
    Bytes target;
    absl::Time deadline;
  };
  virtual std::optional<Announcement> announced() const = 0;

  // Before each step of a large commit under a grant: as Gate::PrepareStep.
  // Where that refuses it trims caches, and up to options.deadline has other
  // reclaimers asked and waits, as Acquire. Nothing to do when !has_gate().
  // RESOURCE_EXHAUSTED with a Refusal: the machine cannot spare it now.
  // CANCELLED, FAILED_PRECONDITION: as Acquire.
  virtual absl::Status PrepareStep(Bytes step,
                                   const AcquireOptions& options) = 0;
  virtual bool has_gate() const = 0;

  // What reclaimers did wrong so far. Lock-free.
  virtual ReclaimFaults reclaim_faults() const = 0;

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

  static Grant MakeGrant(Budget* budget, Bytes size, Tag tag,
                         bool settled = false) {
    return Grant(budget, size, tag, settled);
  }

  virtual void Return(Bytes size, Tag tag, bool settled) = 0;
  virtual void Settle(Bytes size) = 0;
  virtual void Move(Bytes size, Tag from, Tag to) = 0;
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_BUDGET_H_
