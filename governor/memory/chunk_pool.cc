#include "governor/memory/chunk_pool.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/cleanup/cleanup.h"
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
  return ObtainChunks(size, count, /*as_fits=*/false, options);
}

absl::StatusOr<std::vector<PhysicalChunk>> ChunkPool::ObtainAsFits(
    Bytes size, size_t count, const AcquireOptions& options) {
  return ObtainChunks(size, count, /*as_fits=*/true, options);
}

absl::StatusOr<std::vector<PhysicalChunk>> ChunkPool::ObtainChunks(
    Bytes size, size_t count, bool as_fits, AcquireOptions options) {
  GOVERNOR_RETURN_IF_ERROR(device().CheckProcess());
  if (closed_) {
    return absl::FailedPreconditionError("the governor is closed");
  }
  const std::optional<Bytes> total = CheckedMultiply(size, count);
  if (!total || total->is_zero()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no such number of chunks: ", count, " of ", size.count(), " bytes"));
  }
  if (!options.tag) options.tag = Tag::Current();
  std::vector<PhysicalChunk> chunks;
  // Whatever goes wrong below, an exception included.
  absl::Cleanup give_back = [&] {
    GiveBack(absl::MakeSpan(chunks)).IgnoreError();
  };
  Grant rest;
  const auto& before_grant = options_.before_grant;
  if (before_grant != nullptr) before_grant(*this, /*is_short=*/false);
  if (!TryObtain(size, count, *options.tag, chunks, rest)) {
    if (before_grant != nullptr) before_grant(*this, /*is_short=*/true);
    GOVERNOR_RETURN_IF_ERROR(
        ObtainLater(size, &count, as_fits, options, chunks, rest));
  }
  const absl::Status status = CreateChunks(size, options, rest, chunks);
  const bool is_short = status.code() == absl::StatusCode::kResourceExhausted;
  if (!status.ok() && !(as_fits && is_short && !chunks.empty())) {
    const Bytes created = size * chunks.size();
    // The first word is the one that helps.
    GiveBack(absl::MakeSpan(chunks)).IgnoreError();
    if (!RefusalOf(status)) {
      return ExplainShortage(status, *total, created, *options.tag);
    }
    // A machine that is short has no use for what this pool would keep.
    Trim(created);
    return status;
  }
  std::move(give_back).Cancel();
  return chunks;
}

absl::Status ChunkPool::ObtainLater(Bytes size, size_t* count, bool as_fits,
                                    const AcquireOptions& options,
                                    std::vector<PhysicalChunk>& chunks,
                                    Grant& rest) {
  // Nothing kept could help: the budget decides, and waits if there is time.
  AcquireOptions acquire = options;
  if (!acquire.priority) acquire.priority = options_.priority;
  size_t wanted = *count;
  // What can never fit would not be waited for.
  if (as_fits) {
    wanted = std::clamp<size_t>(budget_->limit() / size, 1, wanted);
  }
  absl::StatusOr<Grant> grant = budget_->Acquire(size * wanted, acquire);
  if (grant.ok()) {
    *count = wanted;
    rest = *std::move(grant);
    chunks.reserve(wanted);
    return absl::OkStatus();
  }
  const std::optional<Refusal> refusal = RefusalOf(grant.status());
  if (!as_fits || !refusal) return grant.status();
  // As many as there is room for now, and fewer where others were faster.
  size_t fits = std::min(wanted - 1, refusal->headroom / size);
  while (fits > 0 && !TryObtain(size, fits, *options.tag, chunks, rest)) {
    const Bytes room =
        budget_->Describe(size, *options.tag, refusal->limited_by).headroom;
    fits = std::min(fits - 1, room / size);
  }
  if (fits == 0) return grant.status();
  *count = fits;
  return absl::OkStatus();
}

absl::Status ChunkPool::CreateChunks(Bytes size, const AcquireOptions& options,
                                     Grant& rest,
                                     std::vector<PhysicalChunk>& chunks) {
  const bool in_steps = budget_->has_gate();
  const Bytes step = std::max(AlignDown(kStep, size), size);
  AcquireOptions acquire = options;
  if (!acquire.priority) acquire.priority = options_.priority;
  Bytes prepared;
  while (!rest.size().is_zero()) {
    if (in_steps && prepared.is_zero()) {
      prepared = std::min(step, rest.size());
      GOVERNOR_RETURN_IF_ERROR(budget_->PrepareStep(prepared, acquire));
    }
    GOVERNOR_ASSIGN_OR_RETURN(PhysicalChunk chunk,
                              CreateChunk(rest.Split(size)));
    chunks.push_back(std::move(chunk));
    prepared = SaturatingSubtract(prepared, size);
  }
  return absl::OkStatus();
}

bool ChunkPool::TryObtain(Bytes size, size_t count, Tag tag,
                          std::vector<PhysicalChunk>& chunks, Grant& rest) {
  while (true) {
    Batch victims;
    {
      MutexLock lock(mutex_);
      size_t reusable = 0;
      for (const PhysicalChunk& chunk : kept_) reusable += chunk.size() == size;
      reusable = std::min(reusable, count);
      const Bytes missing = size * (count - reusable);
      if (!missing.is_zero()) rest = budget_->TryAcquire(missing, tag);
      if (rest.size() == missing) {
        chunks.reserve(count);
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
      TakeOldest(missing, victims);
      if (victims.empty()) {
        // Refused only when nothing is kept, nor on its way back.
        if (releasing_ == 0) return false;
        released_.Wait(mutex_);
        continue;
      }
    }
    Bytes released;
    const DriverAnswer answer = ReleaseBatch(victims, &released);
    // A driver that releases nothing would keep this loop going for ever.
    if (!answer.ok() && released.is_zero()) return false;
  }
}

absl::Status ChunkPool::ExplainShortage(const absl::Status& status, Bytes asked,
                                        Bytes headroom, Tag tag) {
  if (status.code() != absl::StatusCode::kResourceExhausted) return status;
  // A device that is full needs what is kept here.
  Trim(asked);
  Refusal refusal = budget_->Describe(asked, tag, "driver");
  refusal.headroom = headroom;
  budget_->NoteRefusal(refusal);
  absl::Status refused = RefusalStatus(refusal);
  status.ForEachPayload(
      [&refused](absl::string_view type, const absl::Cord& payload) {
        refused.SetPayload(type, payload);
      });
  return refused;
}

absl::StatusOr<PhysicalChunk> ChunkPool::CreateChunk(Grant grant) {
  {
    MutexLock lock(mutex_);
    if (kept_.capacity() <= num_chunks_) kept_.reserve(2 * num_chunks_ + 1);
    ++num_chunks_;
  }
  absl::Cleanup none_came = [this] {
    MutexLock lock(mutex_);
    --num_chunks_;
  };
  ++begun_;
  const absl::Cleanup ended = [this] { ++ended_; };
  const Bytes size = grant.size();
  absl::StatusOr<PhysicalChunk> chunk = PhysicalChunk::Create(device(), grant);
  if (chunk.status().code() == absl::StatusCode::kResourceExhausted &&
      !Trim(size).is_zero()) {
    // The device had what this pool keeps.
    chunk = PhysicalChunk::Create(device(), grant);
  }
  if (chunk.ok()) {
    resident_.fetch_add(size.count());
    std::move(none_came).Cancel();
  }
  return chunk;
}

DriverAnswer ChunkPool::GiveBack(absl::Span<PhysicalChunk> chunks) noexcept {
  DriverAnswer answer;
  // In portions, so that what is kept stays short.
  while (!chunks.empty()) {
    const size_t count = std::min(chunks.size(), kBatchSize);
    {
      MutexLock lock(mutex_);
      for (PhysicalChunk& chunk : chunks.first(count)) Keep(std::move(chunk));
    }
    answer.Update(ReleaseBeyondBound());
    chunks.remove_prefix(count);
  }
  return answer;
}

DriverAnswer ChunkPool::ReleaseBeyondBound() noexcept {
  DriverAnswer answer;
  while (answer.ok()) {
    Batch victims;
    {
      MutexLock lock(mutex_);
      // Looked at with the lock held and after the chunks are here: a request
      // that begins to wait later finds them when it trims this pool.
      const Bytes bound = budget_->has_waiters() || budget_->announced()
                              ? Bytes()
                              : options_.max_cached;
      TakeOldest(SaturatingSubtract(cached_, bound), victims);
    }
    if (victims.empty()) break;
    Bytes released;
    answer = ReleaseBatch(victims, &released);
  }
  return answer;
}

void ChunkPool::Keep(PhysicalChunk chunk) noexcept {
  if (chunk.is_empty()) return;
  chunk.grant().Retag(Tag::Cached());
  cached_ += chunk.size();
  kept_.push_back(std::move(chunk));
}

void ChunkPool::TakeOldest(Bytes wanted, Batch& batch) noexcept {
  Bytes sum;
  while (sum < wanted && batch.size() < kBatchSize &&
         batch.size() < kept_.size()) {
    PhysicalChunk& oldest = kept_[batch.size()];
    sum += oldest.size();
    batch.push_back(std::move(oldest));
  }
  if (batch.empty()) return;
  kept_.erase(kept_.begin(), kept_.begin() + batch.size());
  cached_ -= sum;
  ++releasing_;
}

DriverAnswer ChunkPool::ReleaseBatch(Batch& batch, Bytes* released) noexcept {
  ++begun_;
  const absl::Cleanup ended = [this] { ++ended_; };
  DriverAnswer first_error;
  size_t num_released = 0;
  Bytes released_now;
  for (PhysicalChunk& chunk : batch) {
    const Bytes size = chunk.size();
    const DriverAnswer answer = chunk.Release();
    first_error.Update(answer);
    if (!answer.ok()) continue;
    released_now += size;
    resident_.fetch_sub(size.count());
    ++num_released;
  }
  *released += released_now;
  MutexLock lock(mutex_);
  for (PhysicalChunk& chunk : batch) Keep(std::move(chunk));
  num_chunks_ -= num_released;
  released_bytes_ += released_now;
  --releasing_;
  released_.NotifyAll();
  return first_error;
}

DriverAnswer ChunkPool::ReleaseOldest(Bytes wanted, Bytes* released) noexcept {
  DriverAnswer answer;
  while (answer.ok()) {
    Batch victims;
    {
      MutexLock lock(mutex_);
      TakeOldest(SaturatingSubtract(wanted, *released), victims);
    }
    if (victims.empty()) break;
    answer = ReleaseBatch(victims, released);
  }
  return answer;
}

Bytes ChunkPool::Trim(Bytes wanted) noexcept {
  if (!device().is_current_process()) return Bytes();
  Bytes released;
  ReleaseOldest(wanted, &released).IgnoreError();
  return released;
}

Bytes ChunkPool::Reclaim(Bytes wanted, absl::Time) {
  const Bytes released = Trim(wanted);
  if (!released.is_zero() || !device().is_current_process()) return released;
  // What another thread is releasing now is as good: the caller looks again.
  MutexLock lock(mutex_);
  if (releasing_ == 0) return Bytes();
  const Bytes before = released_bytes_;
  released_.Wait(mutex_);
  return std::min(wanted, released_bytes_ - before);
}

DriverAnswer ChunkPool::Close() noexcept {
  if (!device().is_current_process()) return {};
  closed_ = true;
  Bytes released;
  const DriverAnswer answer =
      ReleaseOldest(Bytes(std::numeric_limits<uint64_t>::max()), &released);
  if (!answer.ok()) closed_ = false;
  return answer;
}

Bytes ChunkPool::cached() const {
  if (!device().is_current_process()) return Bytes();
  MutexLock lock(mutex_);
  return cached_;
}

}  // namespace governor
