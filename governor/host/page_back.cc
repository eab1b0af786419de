#include "governor/host/page_back.h"

#include <algorithm>
#include <utility>

#include "governor/base/status_macros.h"

namespace governor {
namespace {

// What one call does without the lock, and so what an owner who takes its range
// back may have to wait for.
constexpr Bytes kPortion = MiB(2);

}  // namespace

// Gives the lock up and keeps the entry, for as long as it lives.
class PageBack::Visit {
 public:
  Visit(PageBack& owner, Entry& entry) ABSL_NO_THREAD_SAFETY_ANALYSIS
      : owner_(owner),
        entry_(entry) {
    ++entry_.users;
    owner_.mutex_.Unlock();
  }
  ~Visit() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    owner_.mutex_.Lock();
    if (--entry_.users == 0) owner_.unused_.NotifyAll();
  }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  SwappedRange* operator->() const { return entry_.range.get(); }

 private:
  PageBack& owner_;
  Entry& entry_;
};

// The one tick that is inside, for as long as it lives. Made and destroyed with
// the lock held.
class PageBack::Turn {
 public:
  explicit Turn(PageBack& owner) ABSL_NO_THREAD_SAFETY_ANALYSIS
      : owner_(owner) {
    owner_.ticking_ = true;
  }
  ~Turn() ABSL_NO_THREAD_SAFETY_ANALYSIS { owner_.ticking_ = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  PageBack& owner_;
};

PageBack::PageBack(ProcessPages& pages, const PageBackOptions& options)
    : pages_(pages), options_(options), next_(entries_.end()) {}

PageBack::~PageBack() = default;

absl::StatusOr<std::unique_ptr<PageBack::Registration>> PageBack::Register(
    const MemoryRange& range) {
  if (!epoch_.is_current()) {
    return absl::FailedPreconditionError(
        "a forked child cannot use its parent's ranges");
  }
  Entry entry;
  GOVERNOR_ASSIGN_OR_RETURN(entry.range, SwappedRange::Create(range, pages_));
  std::list<Entry> one;
  one.push_back(std::move(entry));
  const Position position = one.begin();
  std::unique_ptr<Registration> registration(new Registration(*this, position));
  MutexLock lock(mutex_);
  entries_.splice(entries_.end(), one);
  Wake();
  return registration;
}

PageBack::Registration::~Registration() { owner_.Unregister(entry_); }

absl::Status PageBack::Registration::status() const {
  if (!owner_.epoch_.is_current()) return absl::OkStatus();
  MutexLock lock(owner_.mutex_);
  return entry_->status;
}

void PageBack::Unregister(Position entry) {
  if (!epoch_.is_current()) return;
  MutexLock lock(mutex_);
  entry->leaving = true;
  while (entry->users > 0) unused_.Wait(mutex_);
  if (next_ == entry) ++next_;
  entries_.erase(entry);
}

void PageBack::Wake() {
  again_ = true;
  rests_until_ = -absl::InfiniteDuration();
}

void PageBack::Earn(absl::Duration now, bool pressure_is_over) {
  if (!pressure_is_over) {
    credit_ = absl::ZeroDuration();
    Wake();
  } else if (last_.has_value() && now > *last_) {
    credit_ = std::min(credit_ + (now - *last_), options_.longest_credit);
  }
  last_ = now;
}

Bytes PageBack::Allowed() const {
  return Bytes(static_cast<uint64_t>(
      absl::ToDoubleSeconds(credit_) *
      static_cast<double>(options_.bytes_per_second.count())));
}

void PageBack::Pay(Bytes brought_back) {
  credit_ -=
      absl::Seconds(static_cast<double>(brought_back.count()) /
                    static_cast<double>(options_.bytes_per_second.count()));
  if (!brought_back.is_zero()) again_ = true;
}

bool PageBack::MoveOn(absl::Duration now) {
  if (++next_ != entries_.end()) return true;
  if (!again_) rests_until_ = now + options_.rest;
  return std::exchange(again_, false);
}

Bytes PageBack::Tick(absl::Duration now, bool pressure_is_over) {
  Bytes total;
  if (!epoch_.is_current()) return total;
  MutexLock lock(mutex_);
  Earn(now, pressure_is_over);
  if (ticking_ || !pressure_is_over || now < rests_until_) return total;
  const Turn turn(*this);
  Bytes look_at = options_.looked_at_per_tick;
  while (!entries_.empty() && !look_at.is_zero() &&
         Allowed() >= pages_.page_size()) {
    if (next_ == entries_.end()) next_ = entries_.begin();
    if (!next_->leaving) {
      const Bytes most = std::min(Allowed(), kPortion);
      const Bytes portion = std::min(look_at, kPortion);
      const absl::StatusOr<SwappedRange::Progress> progress =
          Visit(*this, *next_)->BringBack(most, portion);
      next_->status = progress.status();
      look_at = SaturatingSubtract(
          look_at, progress.ok() ? progress->looked_at : portion);
      if (progress.ok()) {
        total += progress->brought_back;
        Pay(progress->brought_back);
        if (!progress->at_end) continue;
      }
    }
    if (!MoveOn(now)) break;
  }
  return total;
}

Bytes PageBack::SwappedBytes() {
  Bytes total;
  if (!epoch_.is_current()) return total;
  MutexLock lock(mutex_);
  for (Entry& entry : entries_) {
    const absl::StatusOr<Bytes> swapped = Visit(*this, entry)->SwappedBytes();
    if (swapped.ok()) total += *swapped;
  }
  return total;
}

}  // namespace governor
