#include "governor/memory/elastic_region.h"

#include <new>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "governor/base/status_macros.h"
#include "governor/budget/refusal.h"

namespace governor {
namespace {

// What the bookkeeping of one region may cost: 2^20 blocks of 64 bytes.
constexpr uint64_t kMaxBlocks = uint64_t{1} << 20;

absl::Status Closed() {
  return absl::FailedPreconditionError("the region is closed");
}

absl::Status Busy(size_t block) {
  return absl::FailedPreconditionError(absl::StrCat(
      "another thread commits or decommits this block now: ", block));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ElasticRegion>> ElasticRegion::Create(
    std::shared_ptr<ChunkPool> pool, const ElasticRegionOptions& options) {
  const Device& device = pool->device();
  GOVERNOR_RETURN_IF_ERROR(device.CheckProcess());
  if (!device.supports_virtual_memory()) {
    return absl::UnimplementedError(absl::StrCat(
        "a region needs CUDA's virtual memory management, which this device "
        "or its driver lacks: ",
        device.name()));
  }
  if (options.block_size.is_zero() ||
      !options.block_size.IsMultipleOf(device.granularity())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a block is a multiple of the device's allocation granularity, ",
        ToString(device.granularity()), "; given ", options.block_size.count(),
        " bytes"));
  }
  const std::optional<Bytes> size = AlignUp(options.size, options.block_size);
  if (!size || size->is_zero() || *size / options.block_size > kMaxBlocks) {
    return absl::InvalidArgumentError(
        absl::StrCat("a region has from 1 to ", kMaxBlocks, " blocks; given ",
                     options.size.count(), " bytes in blocks of ",
                     ToString(options.block_size),
                     "; reserve less, or choose a larger block"));
  }
  GOVERNOR_ASSIGN_OR_RETURN(
      AddressRange range,
      AddressRange::Reserve(device, *size, device.granularity()));
  return std::unique_ptr<ElasticRegion>(
      new ElasticRegion(std::move(pool), std::move(range), options.block_size,
                        *size / options.block_size));
}

ElasticRegion::ElasticRegion(std::shared_ptr<ChunkPool> pool,
                             AddressRange range, Bytes block_size,
                             size_t num_blocks)
    : pool_(std::move(pool)),
      block_size_(block_size),
      address_(range.address()),
      range_(std::move(range)),
      blocks_(num_blocks) {}

ElasticRegion::~ElasticRegion() {
  if (!device().is_current_process()) return;
  try {
    if (Close().ok()) return;
  } catch (const std::bad_alloc&) {
    // The host has no memory left to say what the driver would not do.
  }
  // Once more, though the device could not be waited for. What is left then is
  // given up by the members' own destructors, mappings before their range.
  UnmapBusy(0, blocks_.size()).IgnoreError();
}

absl::Status ElasticRegion::CheckRange(size_t first, size_t count) const {
  GOVERNOR_RETURN_IF_ERROR(device().CheckProcess());
  if (count == 0 || first >= blocks_.size() || count > blocks_.size() - first) {
    return absl::InvalidArgumentError(
        absl::StrCat("no such blocks: ", count, " from block ", first,
                     "; the region has ", blocks_.size()));
  }
  return absl::OkStatus();
}

absl::Status ElasticRegion::BeginCommit(size_t first, size_t count) {
  MutexLock lock(mutex_);
  if (closed_) return Closed();
  for (size_t i = first; i < first + count; ++i) {
    if (blocks_[i].state == State::kBusy) return Busy(i);
    if (blocks_[i].state == State::kCommitted) {
      return absl::InvalidArgumentError(
          absl::StrCat("already committed: block ", i,
                       "; decommit it first, or commit only the others"));
    }
  }
  for (size_t i = first; i < first + count; ++i) {
    if (blocks_[i].state == State::kStranded) --num_mapped_;
    blocks_[i].state = State::kBusy;
  }
  return absl::OkStatus();
}

absl::Status ElasticRegion::BeginDecommit(size_t first, size_t count) {
  MutexLock lock(mutex_);
  if (closed_) return Closed();
  for (size_t i = first; i < first + count; ++i) {
    if (blocks_[i].state == State::kBusy) return Busy(i);
    if (blocks_[i].state != State::kCommitted) {
      return absl::InvalidArgumentError(
          absl::StrCat("not committed: block ", i,
                       "; only committed blocks can be "
                       "decommitted"));
    }
  }
  for (size_t i = first; i < first + count; ++i) {
    blocks_[i].state = State::kBusy;
  }
  num_mapped_ -= count;
  return absl::OkStatus();
}

void ElasticRegion::End(size_t first, size_t count, State mapped) {
  MutexLock lock(mutex_);
  for (size_t i = first; i < first + count; ++i) {
    const bool is_mapped = !blocks_[i].mapping.is_empty();
    blocks_[i].state = is_mapped ? mapped : State::kEmpty;
    num_mapped_ += is_mapped;
  }
}

absl::Status ElasticRegion::Commit(size_t first, size_t count,
                                   const CommitOptions& options) {
  return CommitBlocks(first, count, /*as_fits=*/false, options).status();
}

absl::StatusOr<size_t> ElasticRegion::CommitAsFits(
    size_t first, size_t count, const CommitOptions& options) {
  return CommitBlocks(first, count, /*as_fits=*/true, options);
}

absl::StatusOr<size_t> ElasticRegion::CommitBlocks(
    size_t first, size_t count, bool as_fits, const CommitOptions& options) {
  GOVERNOR_RETURN_IF_ERROR(CheckRange(first, count));
  GOVERNOR_RETURN_IF_ERROR(BeginCommit(first, count));
  State mapped = State::kStranded;
  const absl::Cleanup end = [&] { End(first, count, mapped); };
  absl::StatusOr<size_t> committed = CommitBusy(first, count, as_fits, options);
  if (committed.ok()) mapped = State::kCommitted;
  if (committed.ok() || RefusalOf(committed.status())) return committed;
  return pool_->ExplainShortage(committed.status(), block_size_ * count,
                                /*headroom=*/Bytes(),
                                options.tag ? *options.tag : Tag::Current());
}

absl::StatusOr<size_t> ElasticRegion::CommitBusy(size_t first, size_t count,
                                                 bool as_fits,
                                                 const CommitOptions& options) {
  // Stranded blocks start afresh.
  if (const DriverAnswer answer = UnmapBusy(first, count); !answer.ok()) {
    return answer.ToStatus();
  }
  const AcquireOptions acquire = {.deadline = options.deadline,
                                  .tag = options.tag,
                                  .priority = options.priority,
                                  .should_stop = options.should_stop};
  GOVERNOR_ASSIGN_OR_RETURN(
      std::vector<PhysicalChunk> chunks,
      as_fits ? pool_->ObtainAsFits(block_size_, count, acquire)
              : pool_->Obtain(block_size_, count, acquire));
  count = chunks.size();
  // Whatever goes wrong below. The reason for it is what the caller must hear;
  // what cannot be unmapped now is stranded, charged, and tried again.
  absl::Cleanup roll_back = [&] {
    pool_->GiveBack(absl::MakeSpan(chunks)).IgnoreError();
    UnmapBusy(first, count).IgnoreError();
  };
  DriverAnswer answer;
  for (size_t i = 0; i < count && answer.ok(); ++i) {
    answer = Mapping::Map(range_, OffsetOf(first + i), chunks[i],
                          blocks_[first + i].mapping);
  }
  if (answer.ok()) {
    answer = range_.MakeAccessible(OffsetOf(first), block_size_ * count);
  }
  if (!answer.ok()) return answer.ToStatus();
  std::move(roll_back).Cancel();
  return count;
}

DriverAnswer ElasticRegion::UnmapBusy(size_t first, size_t count) noexcept {
  // So many at a time: it never grows beyond what it has room for.
  constexpr size_t kPortion = 64;
  absl::InlinedVector<PhysicalChunk, kPortion> chunks;
  DriverAnswer unmapped;
  DriverAnswer given_back;
  for (size_t i = first; i < first + count && unmapped.ok(); ++i) {
    if (blocks_[i].mapping.is_empty()) continue;
    PhysicalChunk chunk;
    unmapped = blocks_[i].mapping.Unmap(chunk);
    if (unmapped.ok()) chunks.push_back(std::move(chunk));
    if (chunks.size() < kPortion) continue;
    given_back.Update(pool_->GiveBack(absl::MakeSpan(chunks)));
    chunks.clear();
  }
  given_back.Update(pool_->GiveBack(absl::MakeSpan(chunks)));
  unmapped.Update(given_back);
  return unmapped;
}

absl::Status ElasticRegion::Decommit(size_t first, size_t count,
                                     const DecommitOptions& options) {
  GOVERNOR_RETURN_IF_ERROR(CheckRange(first, count));
  GOVERNOR_RETURN_IF_ERROR(BeginDecommit(first, count));
  const absl::Cleanup end = [&] { End(first, count, State::kCommitted); };
  if (options.synchronize) {
    GOVERNOR_RETURN_IF_ERROR(OfOwnCall(pool_->context().Synchronize()));
  }
  return UnmapBusy(first, count).ToStatus();
}

absl::Status ElasticRegion::Close() {
  if (!device().is_current_process()) return device().CheckProcess();
  bool any_mapped = false;
  {
    MutexLock lock(mutex_);
    if (freed_) return absl::OkStatus();
    for (size_t i = 0; i < blocks_.size(); ++i) {
      if (blocks_[i].state == State::kBusy) return Busy(i);
    }
    closed_ = true;
    for (Block& block : blocks_) {
      any_mapped |= block.state != State::kEmpty;
      block.state = State::kBusy;
    }
    num_mapped_ = 0;
  }
  const absl::Cleanup end = [&] {
    const bool freed = range_.is_empty();
    End(0, blocks_.size(), State::kStranded);
    MutexLock lock(mutex_);
    freed_ = freed;
  };
  if (any_mapped) {
    GOVERNOR_RETURN_IF_ERROR(OfOwnCall(pool_->context().Synchronize()));
  }
  DriverAnswer answer = UnmapBusy(0, blocks_.size());
  bool all_unmapped = true;
  for (const Block& block : blocks_) all_unmapped &= block.mapping.is_empty();
  if (all_unmapped) answer.Update(range_.Free());
  return answer.ToStatus();
}

Bytes ElasticRegion::resident() const {
  if (!device().is_current_process()) return Bytes();
  MutexLock lock(mutex_);
  return block_size_ * num_mapped_;
}

bool ElasticRegion::is_committed(size_t block) const {
  if (!device().is_current_process() || block >= blocks_.size()) return false;
  MutexLock lock(mutex_);
  return blocks_[block].state == State::kCommitted;
}

bool ElasticRegion::is_closed() const {
  if (!device().is_current_process()) return true;
  MutexLock lock(mutex_);
  return closed_;
}

}  // namespace governor
