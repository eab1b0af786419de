#ifndef GOVERNOR_GOVERNOR_H_
#define GOVERNOR_GOVERNOR_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "governor/base/bytes.h"
#include "governor/budget/local_budget.h"
#include "governor/driver/primary_context.h"
#include "governor/driver_choice.h"
#include "governor/memory/chunk_pool.h"
#include "governor/memory/elastic_region.h"
#include "governor/options.h"
#include "governor/snapshot.h"

namespace governor {

// Makes a memory budget a hard fact for one device in one process: what is
// granted never exceeds the budget, and nothing that the library allocates is
// resident without a grant. This is where embedders start; see
// examples/embed.cc. It is not an allocator and limits nobody who allocates
// past it.
//
// It starts no thread and takes no signal. Thread-safe, but for Close and the
// destructor. In a forked child every call that can fail is
// FAILED_PRECONDITION, the plain numbers are what they were at the fork, and
// the destructor does nothing.
//
// Where the host has no memory left std::bad_alloc passes, here and in what a
// governor makes, with nothing held that was not held before and everything as
// usable as before. Close and the destructor need none, nor does any other way
// to give back, while the driver does what it is asked to.
class Governor {
 public:
  struct MemoryInfo {
    Bytes free;
    Bytes total;
  };

  // Opens a device: checks the options, grants the allowance, and only then
  // retains the device's primary context (which on a GPU takes memory, within
  // the allowance).
  // INVALID_ARGUMENT: an option or variable that does not parse or fit, named.
  // UNAVAILABLE, UNIMPLEMENTED: no CUDA driver or device where one was asked
  //   for, or one that cannot map memory by hand.
  // Or the driver's error. On an error nothing is held.
  static absl::StatusOr<std::unique_ptr<Governor>> Create(
      const GovernorOptions& options = {});

  // As Close, but whatever is still out is let go unseen.
  ~Governor();

  // Reserves addresses for a region; grants nothing. The region may outlive
  // the governor. Errors as ElasticRegion::Create; FAILED_PRECONDITION: closed.
  absl::StatusOr<std::unique_ptr<ElasticRegion>> CreateRegion(
      const ElasticRegionOptions& options);

  // A grant without memory, for bytes that somebody else allocates. The
  // governor outlives it. Errors as Budget::Acquire.
  absl::StatusOr<Grant> Lease(Bytes size, const AcquireOptions& options = {});

  // What a caller of cudaMemGetInfo wants to know, by arithmetic alone:
  // (budget - granted - unspent allowance, budget). The same whatever else
  // runs on the machine. No driver call, no lock.
  MemoryInfo mem_get_info() const;

  Bytes budget() const { return budget_->limit(); }
  // What is granted, the unspent allowance not counted.
  Bytes granted() const;
  // What would be granted now.
  Bytes headroom() const { return mem_get_info().free; }
  Bytes allowance() const { return allowance_size_; }
  Bytes os_reserve() const { return os_reserve_; }

  // One reading. Costs a few driver calls.
  absl::StatusOr<Snapshot> TakeSnapshot() const;

  const Device& device() const { return context_->device(); }
  const PrimaryContext& context() const { return *context_; }
  // The host driver that stands below, with its own books; null on CUDA.
  const HostDriver* host_driver() const;
  // The default priority of this governor's requests.
  int priority() const { return priority_; }

  // Releases what is kept and the context, and refuses everything from then
  // on. FAILED_PRECONDITION: regions or leases still hold bytes; nothing was
  // changed. Or the driver's error: call again.
  absl::Status Close();
  bool is_closed() const { return pool_ == nullptr; }

 private:
  struct Foundation;

  Governor() = default;

  absl::Status CheckOpen() const;

  // Keeps the driver and the clock alive, for as long as a region needs them.
  std::shared_ptr<Foundation> foundation_;
  std::shared_ptr<LocalBudget> budget_;
  std::shared_ptr<PrimaryContext> context_;
  std::shared_ptr<ChunkPool> pool_;  // null once closed
  Grant allowance_;
  Bytes allowance_size_;
  Bytes os_reserve_;
  int priority_ = 0;
};

}  // namespace governor

#endif  // GOVERNOR_GOVERNOR_H_
