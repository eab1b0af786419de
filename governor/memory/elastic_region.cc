#include "governor/memory/elastic_region.h"

#include <utility>

#include "absl/strings/str_cat.h"
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
  if (!device().is_current_process() || Close().ok()) return;
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
  GOVERNOR_RETURN_IF_ERROR(CheckRange(first, count));
  GOVERNOR_RETURN_IF_ERROR(BeginCommit(first, count));
  absl::Status status = CommitBusy(first, count, options);
  if (!status.ok()) {
    // The reason for the rollback is what the caller must hear. What cannot be
    // unmapped now is stranded, charged, and tried again.
    UnmapBusy(first, count).IgnoreError();
    if (!RefusalOf(status)) {
      status = pool_->ExplainShortage(
          status, block_size_ * count, /*headroom=*/Bytes(),
          options.tag ? *options.tag : Tag::Current());
    }
  }
  End(first, count, status.ok() ? State::kCommitted : State::kStranded);
  return status;
}

absl::Status ElasticRegion::CommitBusy(size_t first, size_t count,
                                       const CommitOptions& options) {
  // Stranded blocks start afresh.
  GOVERNOR_RETURN_IF_ERROR(UnmapBusy(first, count));
  GOVERNOR_ASSIGN_OR_RETURN(std::vector<PhysicalChunk> chunks,
                            pool_->Obtain(block_size_, count,
                                          {.deadline = options.deadline,
                                           .tag = options.tag,
                                           .priority = options.priority}));
  for (size_t i = 0; i < count; ++i) {
    absl::Status status = Mapping::Map(range_, OffsetOf(first + i), chunks[i],
                                       blocks_[first + i].mapping);
    if (!status.ok()) {
      chunks.erase(chunks.begin(), chunks.begin() + i);
      pool_->GiveBack(std::move(chunks)).IgnoreError();
      return status;
    }
  }
  return range_.MakeAccessible(OffsetOf(first), block_size_ * count);
}

absl::Status ElasticRegion::UnmapBusy(size_t first, size_t count) {
  absl::Status status;
  std::vector<PhysicalChunk> chunks;
  for (size_t i = first; i < first + count && status.ok(); ++i) {
    if (blocks_[i].mapping.is_empty()) continue;
    PhysicalChunk chunk;
    status = blocks_[i].mapping.Unmap(chunk);
    if (status.ok()) chunks.push_back(std::move(chunk));
  }
  if (!chunks.empty()) status.Update(pool_->GiveBack(std::move(chunks)));
  return status;
}

absl::Status ElasticRegion::Decommit(size_t first, size_t count,
                                     const DecommitOptions& options) {
  GOVERNOR_RETURN_IF_ERROR(CheckRange(first, count));
  GOVERNOR_RETURN_IF_ERROR(BeginDecommit(first, count));
  absl::Status status;
  if (options.synchronize) status = pool_->context().Synchronize();
  if (status.ok()) status = UnmapBusy(first, count);
  End(first, count, State::kCommitted);
  return status;
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
  absl::Status status;
  if (any_mapped) status = pool_->context().Synchronize();
  if (status.ok()) status = UnmapBusy(0, blocks_.size());
  bool all_unmapped = true;
  for (const Block& block : blocks_) all_unmapped &= block.mapping.is_empty();
  if (all_unmapped) status.Update(range_.Free());
  const bool freed = range_.is_empty();
  End(0, blocks_.size(), State::kStranded);
  MutexLock lock(mutex_);
  freed_ = freed;
  return status;
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
