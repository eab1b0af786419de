#include "governor/memory/chunk_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "governor/base/status_macros.h"
#include "governor/budget/refusal.h"

namespace governor {

std::shared_ptr<ChunkPool> ChunkPool::Create(
    std::shared_ptr<PrimaryContext> context, std::shared_ptr<Budget> budget,
    const ChunkPoolOptions& options) {
  return std::shared_ptr<ChunkPool>(
      new ChunkPool(std::move(context), std::move(budget), options));
}

ChunkPool::ChunkPool(std::shared_ptr<PrimaryContext> context,
                     std::shared_ptr<Budget> budget,
                     const ChunkPoolOptions& options)
    : budget_(std::move(budget)),
      context_(std::move(context)),
      options_(options) {
  // Last: the budget may call from here on.
  registration_ = budget_->Register(
      *this, {.kind = ReclaimerOptions::Kind::kCache, .priority = 0});
}

ChunkPool::~ChunkPool() {
  registration_.reset();
  // What the driver keeps even now is given up by the chunks themselves.
  Close().IgnoreError();
}

absl::StatusOr<std::vector<PhysicalChunk>> ChunkPool::Obtain(
    Bytes size, size_t count, const AcquireOptions& options) {
  GOVERNOR_RETURN_IF_ERROR(device().CheckProcess());
  if (closed_) {
    return absl::FailedPreconditionError("the governor is closed");
  }
  const std::optional<Bytes> total = CheckedMultiply(size, count);
  if (!total || total->is_zero()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no such number of chunks: ", count, " of ", size.count(), " bytes"));
  }
  const Tag tag = options.tag ? *options.tag : Tag::Current();
  std::vector<PhysicalChunk> chunks;
  Grant rest;
  if (!TryObtain(size, count, tag, chunks, rest)) {
    // Nothing kept could help: the budget decides, and waits if there is time.
    AcquireOptions tagged = options;
    tagged.tag = tag;
    if (!tagged.priority) tagged.priority = options_.priority;
    GOVERNOR_ASSIGN_OR_RETURN(rest, budget_->Acquire(*total, tagged));
  }
  chunks.reserve(count);
  while (!rest.size().is_zero()) {
    absl::StatusOr<PhysicalChunk> chunk = CreateChunk(rest.Split(size));
    if (!chunk.ok()) {
      const Bytes created = size * chunks.size();
      // The driver's first word is the one that helps.
      GiveBack(std::move(chunks)).IgnoreError();
      return ExplainShortage(chunk.status(), *total, created, tag);
    }
    chunks.push_back(*std::move(chunk));
  }
  return chunks;
}

bool ChunkPool::TryObtain(Bytes size, size_t count, Tag tag,
                          std::vector<PhysicalChunk>& chunks, Grant& rest) {
  while (true) {
    std::vector<PhysicalChunk> victims;
    {
      MutexLock lock(mutex_);
      size_t reusable = 0;
      for (const PhysicalChunk& chunk : kept_) reusable += chunk.size() == size;
      reusable = std::min(reusable, count);
      const Bytes missing = size * (count - reusable);
      if (!missing.is_zero()) rest = budget_->TryAcquire(missing, tag);
      if (rest.size() == missing) {
        // The newest first: the likeliest to be warm in the driver.
        for (size_t i = kept_.size(); i-- > 0 && chunks.size() < reusable;) {
          if (kept_[i].size() != size) continue;
          cached_ -= size;
          kept_[i].grant().Retag(tag);
          chunks.push_back(std::move(kept_[i]));
          kept_.erase(kept_.begin() + i);
        }
        return true;
      }
      victims = TakeOldest(missing);
      if (victims.empty()) {
        // Refused only when nothing is kept, nor on its way back.
        if (releasing_ == 0) return false;
        released_.Wait(mutex_);
        continue;
      }
      ++releasing_;
    }
    Bytes released;
    const absl::Status status = ReleaseChunks(std::move(victims), &released);
    // A driver that releases nothing would keep this loop going for ever.
    if (!status.ok() && released.is_zero()) return false;
  }
}

absl::Status ChunkPool::ExplainShortage(const absl::Status& status, Bytes asked,
                                        Bytes headroom, Tag tag) {
  if (status.code() != absl::StatusCode::kResourceExhausted) return status;
  // A device that is full needs what is kept here.
  Trim(asked);
  Refusal refusal = budget_->Describe(asked, tag, "driver");
  refusal.headroom = headroom;
  absl::Status refused = RefusalStatus(refusal);
  status.ForEachPayload(
      [&refused](absl::string_view type, const absl::Cord& payload) {
        refused.SetPayload(type, payload);
      });
  return refused;
}

absl::StatusOr<PhysicalChunk> ChunkPool::CreateChunk(Grant grant) {
  const Bytes size = grant.size();
  absl::StatusOr<PhysicalChunk> chunk = PhysicalChunk::Create(device(), grant);
  if (chunk.status().code() == absl::StatusCode::kResourceExhausted &&
      !Trim(size).is_zero()) {
    // The device had what this pool keeps.
    chunk = PhysicalChunk::Create(device(), grant);
  }
  if (chunk.ok()) resident_.fetch_add(size.count());
  return chunk;
}

absl::Status ChunkPool::GiveBack(std::vector<PhysicalChunk> chunks) {
  std::vector<PhysicalChunk> victims;
  {
    MutexLock lock(mutex_);
    for (PhysicalChunk& chunk : chunks) Keep(std::move(chunk));
    // Looked at with the lock held and after the chunks are here: a request
    // that begins to wait later finds them when it trims this pool.
    const Bytes bound = budget_->has_waiters() ? Bytes() : options_.max_cached;
    victims = TakeOldest(SaturatingSubtract(cached_, bound));
    if (victims.empty()) return absl::OkStatus();
    ++releasing_;
  }
  Bytes released;
  return ReleaseChunks(std::move(victims), &released);
}

void ChunkPool::Keep(PhysicalChunk chunk) {
  cached_ += chunk.size();
  chunk.grant().Retag(Tag::Cached());
  kept_.push_back(std::move(chunk));
}

std::vector<PhysicalChunk> ChunkPool::TakeOldest(Bytes wanted) {
  std::vector<PhysicalChunk> taken;
  Bytes sum;
  while (sum < wanted && taken.size() < kept_.size()) {
    sum += kept_[taken.size()].size();
    taken.push_back(std::move(kept_[taken.size()]));
  }
  kept_.erase(kept_.begin(), kept_.begin() + taken.size());
  cached_ -= sum;
  return taken;
}

absl::Status ChunkPool::ReleaseChunks(std::vector<PhysicalChunk> chunks,
                                      Bytes* released) {
  absl::Status first_error;
  std::vector<PhysicalChunk> stuck;
  for (PhysicalChunk& chunk : chunks) {
    const Bytes size = chunk.size();
    absl::Status status = chunk.Release();
    if (status.ok()) {
      *released += size;
      resident_.fetch_sub(size.count());
      continue;
    }
    first_error.Update(status);
    stuck.push_back(std::move(chunk));
  }
  MutexLock lock(mutex_);
  for (PhysicalChunk& chunk : stuck) Keep(std::move(chunk));
  --releasing_;
  released_.NotifyAll();
  return first_error;
}

Bytes ChunkPool::Trim(Bytes wanted) {
  if (!device().is_current_process()) return Bytes();
  std::vector<PhysicalChunk> victims;
  {
    MutexLock lock(mutex_);
    victims = TakeOldest(wanted);
    if (victims.empty()) return Bytes();
    ++releasing_;
  }
  Bytes released;
  ReleaseChunks(std::move(victims), &released).IgnoreError();
  return released;
}

Bytes ChunkPool::Reclaim(Bytes wanted, absl::Time) {
  const Bytes released = Trim(wanted);
  if (!released.is_zero()) return released;
  // What another thread is releasing now is as good: the caller looks again.
  MutexLock lock(mutex_);
  if (releasing_ == 0) return Bytes();
  released_.Wait(mutex_);
  return wanted;
}

absl::Status ChunkPool::Close() {
  if (!device().is_current_process()) return absl::OkStatus();
  closed_ = true;
  std::vector<PhysicalChunk> all;
  {
    MutexLock lock(mutex_);
    all = TakeOldest(cached_);
    ++releasing_;
  }
  Bytes released;
  const absl::Status status = ReleaseChunks(std::move(all), &released);
  if (!status.ok()) closed_ = false;
  return status;
}

Bytes ChunkPool::cached() const {
  if (!device().is_current_process()) return Bytes();
  MutexLock lock(mutex_);
  return cached_;
}

}  // namespace governor
