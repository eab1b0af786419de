#ifndef GOVERNOR_MEMORY_ELASTIC_REGION_H_
#define GOVERNOR_MEMORY_ELASTIC_REGION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/base/should_stop.h"
#include "governor/budget/tag.h"
#include "governor/memory/address_range.h"
#include "governor/memory/chunk_pool.h"
#include "governor/memory/driver_answer.h"
#include "governor/memory/mapping.h"

namespace governor {

struct ElasticRegionOptions {
  // How many addresses to reserve; rounded up to whole blocks.
  Bytes size;
  // The unit of commit and of release, a multiple of the device's granularity.
  // Small blocks give back finely and cost time: on an H200 committing 64 GiB
  // takes 1.05 s in blocks of 2 MiB and 4 ms in blocks of 1 GiB.
  Bytes block_size = MiB(2);
};

struct CommitOptions {
  // Whose bytes these are; by default the calling thread's Tag::Current().
  std::optional<Tag> tag = std::nullopt;
  // How long to wait for others to give back when the budget is short.
  absl::Time deadline = absl::InfinitePast();
  // As AcquireOptions::priority; by default the governor's.
  std::optional<int> priority = std::nullopt;
  // As AcquireOptions::should_stop: ends the wait for room, and no step.
  ShouldStop should_stop = nullptr;
};

struct DecommitOptions {
  // Wait for all work of the context before anything is unmapped. A caller who
  // knows that no work in flight touches the blocks, or who captures a stream,
  // says false.
  bool synchronize = true;
};

// A range of device addresses of which any blocks can be given memory, and have
// it taken away, in any order, as long as the budget grants it. The base never
// moves. It is not an allocator: which block holds what is its user's business.
//
// The region reserves addresses once and holds no memory until Commit. The
// contents of a newly committed block are unspecified. Touching a block that is
// not committed is a fault on the device, and on the host driver a SIGSEGV.
//
// Thread-safe: threads may commit and decommit different blocks at once; of two
// that want the same block one is told so. No lock is held during a driver call
// or a wait. In a forked child every call is FAILED_PRECONDITION.
//
// Where the host has no memory left std::bad_alloc passes, and leaves what an
// error of the driver leaves. Decommit, Close and the destructor need none
// while the driver does what it is asked to.
class ElasticRegion {
 public:
  // INVALID_ARGUMENT: a size of zero, a block size that is no multiple of the
  // granularity, more than 2^20 blocks. UNIMPLEMENTED: the device cannot map
  // memory by hand. Or the driver's error. On an error nothing is reserved.
  static absl::StatusOr<std::unique_ptr<ElasticRegion>> Create(
      std::shared_ptr<ChunkPool> pool, const ElasticRegionOptions& options);

  // Closes. What the driver refuses to give up even now stays charged.
  ~ElasticRegion();

  // Gives memory to blocks [first, first + count), readable and writable by the
  // device when it returns. All or nothing. Costs one create, map and access
  // check per block in the driver, less for chunks that are reused.
  //
  // Where the budget has a gate the machine is looked at again before each step
  // of 256 MiB, or of one block where that is larger; a step that is refused
  // gives back the steps before it.
  // RESOURCE_EXHAUSTED: refused, with a Refusal; nothing was changed.
  // INVALID_ARGUMENT: no such blocks, or one is committed already (it is
  //   named); nothing was changed.
  // CANCELLED: options.should_stop ended the wait; nothing was changed.
  // FAILED_PRECONDITION: closed, or another thread is at one of the blocks.
  // Other errors are the driver's: no block was committed, and the region can
  //   still be used, unless the driver says otherwise at every call.
  absl::Status Commit(size_t first, size_t count,
                      const CommitOptions& options = {});

  // The same, but for as many blocks, from `first` on, as the budget grants by
  // the deadline, and the machine and the device give: returns how many are
  // committed now, from 1 to `count`. Errors as above, with no block committed:
  // RESOURCE_EXHAUSTED when not even one fits.
  absl::StatusOr<size_t> CommitAsFits(size_t first, size_t count,
                                      const CommitOptions& options = {});

  // Takes the memory of blocks [first, first + count) away. The chunks go back
  // to the pool, which releases those beyond its bound before this returns.
  // INVALID_ARGUMENT, FAILED_PRECONDITION: as above (one is not committed);
  //   nothing was changed.
  // Other errors are the driver's. From the first block that it would not unmap
  //   on, blocks are still committed, those before it are not (see
  //   is_committed); memory that it would not release is kept by the pool,
  //   charged.
  absl::Status Decommit(size_t first, size_t count,
                        const DecommitOptions& options = {});

  // Decommits everything and frees the addresses. On an error of the driver
  // what is left can be closed again; commits are refused from then on.
  absl::Status Close();

  // The base: constant for the region's life.
  CUdeviceptr address() const { return address_; }
  Bytes size() const { return block_size_ * blocks_.size(); }
  Bytes block_size() const { return block_size_; }
  size_t num_blocks() const { return blocks_.size(); }
  const Device& device() const { return pool_->device(); }
  const PrimaryContext& context() const { return pool_->context(); }

  // Bytes mapped in the region now.
  Bytes resident() const;
  bool is_committed(size_t block) const;
  bool is_closed() const;

 private:
  enum class State : uint8_t {
    kEmpty,
    kBusy,  // one thread is at it; the mapping is that thread's
    kCommitted,
    // Mapped but not committed: a commit failed, and then the driver would not
    // unmap. Charged; the next commit or the close tries again.
    kStranded,
  };
  struct Block {
    State state = State::kEmpty;
    Mapping mapping;
  };

  ElasticRegion(std::shared_ptr<ChunkPool> pool, AddressRange range,
                Bytes block_size, size_t num_blocks);

  absl::Status CheckRange(size_t first, size_t count) const;
  // Marks the blocks busy; on an error none.
  absl::Status BeginCommit(size_t first, size_t count);
  absl::Status BeginDecommit(size_t first, size_t count);
  // Ends busy: each block's state follows from its mapping. Blocks with a
  // mapping become `mapped`.
  void End(size_t first, size_t count, State mapped);
  absl::StatusOr<size_t> CommitBlocks(size_t first, size_t count, bool as_fits,
                                      const CommitOptions& options);
  absl::StatusOr<size_t> CommitBusy(size_t first, size_t count, bool as_fits,
                                    const CommitOptions& options);
  // Unmaps what is mapped of busy blocks, up to the first error, and gives the
  // chunks back to the pool. Needs no memory of the host.
  DriverAnswer UnmapBusy(size_t first, size_t count) noexcept;
  Bytes OffsetOf(size_t block) const { return block_size_ * block; }

  const std::shared_ptr<ChunkPool> pool_;
  const Bytes block_size_;
  const CUdeviceptr address_;

  mutable Mutex mutex_;
  AddressRange range_;  // replaced only by Close, when no block is busy
  // The vector's size never changes. A block's state is guarded by mutex_, its
  // mapping by the state.
  std::vector<Block> blocks_;
  size_t num_mapped_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool freed_ ABSL_GUARDED_BY(mutex_) = false;  // the addresses are
};

}  // namespace governor

#endif  // GOVERNOR_MEMORY_ELASTIC_REGION_H_
