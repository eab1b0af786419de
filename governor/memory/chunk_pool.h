#ifndef GOVERNOR_MEMORY_CHUNK_POOL_H_
#define GOVERNOR_MEMORY_CHUNK_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/budget/budget.h"
#include "governor/driver/primary_context.h"
#include "governor/memory/driver_answer.h"
#include "governor/memory/physical_chunk.h"

namespace governor {

class ChunkPool;

struct ChunkPoolOptions {
  // The most that is kept for reuse. Reuse saves the driver's create and
  // release, about a third of a commit and decommit of 2 MiB.
  Bytes max_cached = MiB(64);
  // Of requests that say none.
  int priority = 0;
  // Called with each request that has to be granted, by its thread and with no
  // lock held: before the budget is asked, and once more, `is_short`, before it
  // is asked again and others with it. Null: nobody.
  std::function<void(const ChunkPool& pool, bool is_short)> before_grant =
      nullptr;
};

// Where regions of one device get their chunks and leave them. It keeps a
// bounded number for reuse: these stay granted, under the tag "cached", and are
// the first to go when the budget is short. It maps nothing.
//
// A chunk that the driver refuses to release stays here too, granted and beyond
// the bound, and its release is tried again whenever chunks come or go: what is
// resident is always charged.
//
// std::bad_alloc passes through Create, Obtain and ExplainShortage, and leaves
// what their errors leave. Whatever gives back needs no memory of the host.
//
// Thread-safe. No driver call is made, and no budget is waited for, with the
// lock held. Lock order: this pool's, then the budget's.
class ChunkPool final : private Reclaimer {
 public:
  static std::shared_ptr<ChunkPool> Create(
      std::shared_ptr<PrimaryContext> context, std::shared_ptr<Budget> budget,
      const ChunkPoolOptions& options);

  // Releases what is kept. Every chunk that was obtained has come back.
  ~ChunkPool() override;

  // The most that is created before the machine is looked at again, where the
  // budget has a gate; one chunk where that is larger.
  static constexpr Bytes kStep = MiB(256);

  // `count` chunks of `size` each: kept ones first, new ones under one grant
  // for all of them, in steps that the budget prepares. Contents are
  // unspecified. All or nothing:
  // RESOURCE_EXHAUSTED with a Refusal: the budget, its gate, or (`limited_by`
  // "driver") the device, is short; nothing is held that was not held before,
  // and less is kept where the device or the machine is what was short.
  // INVALID_ARGUMENT: count * size does not fit in 64 bits, or is zero.
  // FAILED_PRECONDITION: the pool is closed.
  // Else the driver's error.
  absl::StatusOr<std::vector<PhysicalChunk>> Obtain(
      Bytes size, size_t count, const AcquireOptions& options);

  // The same, but where all of it is refused, as many of the `count` as the
  // budget grants by the deadline, and of these as many as were created when a
  // step or the device said no. Errors as above; RESOURCE_EXHAUSTED when there
  // would be none at all.
  absl::StatusOr<std::vector<PhysicalChunk>> ObtainAsFits(
      Bytes size, size_t count, const AcquireOptions& options);

  // Takes chunks back, all of them, mapped nowhere: keeps what the bound
  // allows, or nothing while somebody waits for the budget, and releases the
  // rest. On an error of the driver what it would not release is kept. Empty
  // chunks are passed over; all are empty afterwards.
  DriverAnswer GiveBack(absl::Span<PhysicalChunk> chunks) noexcept;

  // `status` of a driver call that gave memory to `asked` bytes; where the
  // driver was short of it, as a Refusal by the "driver", whose headroom is
  // what the driver had given before. Releases what is kept here then.
  absl::Status ExplainShortage(const absl::Status& status, Bytes asked,
                               Bytes headroom, Tag tag);

  // Releases kept chunks until `wanted` bytes are released or none is left;
  // returns the bytes released.
  Bytes Trim(Bytes wanted) noexcept;

  // Releases everything kept, and obtains nothing from then on. On an error
  // the rest is still kept and the pool is open: call again.
  DriverAnswer Close() noexcept;

  // What is kept now, for reuse or because the driver would not release it.
  Bytes cached() const;

  // How many creations and releases of chunks were begun and ended so far:
  // while one is under way the driver's books and resident() need not agree.
  struct Traffic {
    uint64_t begun = 0;
    uint64_t ended = 0;
  };
  Traffic traffic() const {
    // In this order: none is seen to have ended that is not seen to have begun.
    const uint64_t ended = ended_.load();
    return {.begun = begun_.load(), .ended = ended};
  }

  // Bytes of chunks that exist now, here or with whoever obtained them.
  Bytes resident() const { return Bytes(resident_.load()); }

  const Device& device() const { return context_->device(); }
  PrimaryContext& context() const { return *context_; }
  Budget& budget() const { return *budget_; }

 private:
  ChunkPool(std::shared_ptr<PrimaryContext> context,
            std::shared_ptr<Budget> budget, const ChunkPoolOptions& options);

  // Reclaimer: what the budget asks when somebody is short.
  Bytes Reclaim(Bytes wanted, absl::Time deadline) override;

  // Some chunks on their way from here to the driver. It never grows beyond
  // what it has room for without memory of the heap.
  static constexpr size_t kBatchSize = 64;
  using Batch = absl::InlinedVector<PhysicalChunk, kBatchSize>;

  // Kept chunks, and a grant for the rest of `count`, decided at one instant.
  // False, with nothing changed, when that instant has no room.
  bool TryObtain(Bytes size, size_t count, Tag tag,
                 std::vector<PhysicalChunk>& chunks, Grant& rest);
  // The grant for what TryObtain had no room for: `*count` chunks of `size`, or
  // where that is refused and `as_fits`, for fewer, the number of which it
  // leaves in `*count`. `chunks` may then hold kept ones, as after TryObtain.
  absl::Status ObtainLater(Bytes size, size_t* count, bool as_fits,
                           const AcquireOptions& options,
                           std::vector<PhysicalChunk>& chunks, Grant& rest);
  absl::StatusOr<std::vector<PhysicalChunk>> ObtainChunks(
      Bytes size, size_t count, bool as_fits, AcquireOptions options);
  // Spends `rest` on chunks. On an error those before it are in `chunks`.
  absl::Status CreateChunks(Bytes size, const AcquireOptions& options,
                            Grant& rest, std::vector<PhysicalChunk>& chunks);
  // Moves the oldest into `batch`, which is empty, until they make `wanted`
  // bytes, the batch is full or none is left. ReleaseBatch follows, unless the
  // batch is empty still.
  void TakeOldest(Bytes wanted, Batch& batch) noexcept
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Keeps a chunk for good measure or for want of a way to release it.
  void Keep(PhysicalChunk chunk) noexcept ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Releases what was taken, without the lock; what fails is kept.
  DriverAnswer ReleaseBatch(Batch& batch, Bytes* released) noexcept;
  // Releases the oldest until `wanted` bytes are, none is left or one cannot.
  DriverAnswer ReleaseOldest(Bytes wanted, Bytes* released) noexcept;
  DriverAnswer ReleaseBeyondBound() noexcept;
  absl::StatusOr<PhysicalChunk> CreateChunk(Grant grant);

  // The budget goes last: it may keep alive what the context stands on.
  const std::shared_ptr<Budget> budget_;
  const std::shared_ptr<PrimaryContext> context_;
  const ChunkPoolOptions options_;
  std::unique_ptr<Budget::Registration> registration_;
  std::atomic<uint64_t> resident_{0};
  std::atomic<uint64_t> begun_{0};
  std::atomic<uint64_t> ended_{0};

  mutable Mutex mutex_;
  CondVar released_;
  // Oldest first. It has room for every chunk that exists, so that each can
  // come back.
  std::vector<PhysicalChunk> kept_ ABSL_GUARDED_BY(mutex_);
  size_t num_chunks_ ABSL_GUARDED_BY(mutex_) = 0;  // that exist
  Bytes cached_ ABSL_GUARDED_BY(mutex_);
  // Threads between taking chunks out of kept_ and dropping their grants.
  int releasing_ ABSL_GUARDED_BY(mutex_) = 0;
  // So many were released since this pool was made.
  Bytes released_bytes_ ABSL_GUARDED_BY(mutex_);
  std::atomic<bool> closed_{false};
};

}  // namespace governor

#endif  // GOVERNOR_MEMORY_CHUNK_POOL_H_
