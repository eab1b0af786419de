#include "governor/unmanaged_account.h"

#include <algorithm>
#include <utility>

#include "governor/base/status_macros.h"

namespace governor {
namespace {

// More than any machine has, and little enough to be added to what is granted.
constexpr Bytes kMostUnmanaged(uint64_t{1} << 56);

}  // namespace

absl::StatusOr<std::shared_ptr<UnmanagedAccount>> UnmanagedAccount::Open(
    std::shared_ptr<Budget> budget, const Options& options) {
  std::shared_ptr<UnmanagedAccount> account(
      new UnmanagedAccount(std::move(budget), options));
  if (options.allowance.is_zero()) return account;
  Grant grant;
  if (options.only_looks) {
    grant = account->budget_->Charge(options.allowance, Tag::Allowance());
  } else {
    GOVERNOR_ASSIGN_OR_RETURN(
        grant, account->budget_->Acquire(options.allowance,
                                         {.tag = Tag::Allowance()}));
  }
  MutexLock lock(account->mutex_);
  account->allowance_ = std::move(grant);
  account->Balance();
  account->allowance_.Settle();
  return account;
}

// Whatever is still held goes back: a transient would have kept this alive.
UnmanagedAccount::~UnmanagedAccount() = default;

absl::StatusOr<std::unique_ptr<Transient>> UnmanagedAccount::Begin(
    absl::string_view name, Bytes size, const AcquireOptions& options) {
  GOVERNOR_ASSIGN_OR_RETURN(const Tag tag, Tag::Named(name));
  std::unique_ptr<Transient> transient(
      new Transient(shared_from_this(), std::string(name), size));
  AcquireOptions with_tag = options;
  with_tag.tag = tag;
  GOVERNOR_ASSIGN_OR_RETURN(transient->grant_,
                            budget_->Acquire(size, with_tag));
  Add(transient.get());
  return transient;
}

void UnmanagedAccount::Add(Transient* transient) {
  MutexLock lock(mutex_);
  auto peak = std::find_if(
      peaks_.begin(), peaks_.end(),
      [&](const Peak& other) { return other.name == transient->name_; });
  if (peak == peaks_.end()) {
    peak = peaks_.insert(peak, Peak{transient->name_, Bytes(), Bytes()});
  }
  open_.push_back(transient);
  ++num_open_;
  peak->declared = transient->size_;
  transient->peak_index_ = peak - peaks_.begin();
  transient->base_ = unmanaged();
  // The promise is told before the gate lets go of the bytes.
  Balance();
  transient->grant_.Settle();
}

void UnmanagedAccount::End(Transient* transient) {
  if (!process_.is_current()) return;
  MutexLock lock(mutex_);
  const auto found = std::find(open_.begin(), open_.end(), transient);
  if (found == open_.end()) return;
  open_.erase(found);
  --num_open_;
  // What the phase left behind changes its name and is charged throughout.
  const Bytes left = std::min(SaturatingSubtract(Owed(), debt_.size()),
                              transient->grant_.size());
  Grant kept = transient->grant_.Split(left);
  kept.Retag(Tag::Debt());
  if (!left.is_zero()) debt_.Merge(std::move(kept));
  Balance();
  transient->grant_.Release();
}

void UnmanagedAccount::Observe(Bytes measured) {
  if (!process_.is_current()) return;
  const Bytes now = std::min(measured, kMostUnmanaged);
  MutexLock lock(mutex_);
  unmanaged_.store(now.count(), std::memory_order_relaxed);
  for (Transient* transient : open_) {
    const Bytes grown = SaturatingSubtract(now, transient->base_);
    if (grown <= transient->peak()) continue;
    transient->peak_.store(grown.count(), std::memory_order_relaxed);
    Peak& peak = peaks_[transient->peak_index_];
    peak.measured = std::max(peak.measured, grown);
  }
  Balance();
}

Bytes UnmanagedAccount::Promised() const {
  Bytes promised = allowance_.size();
  for (const Transient* transient : open_) promised += transient->size_;
  return promised;
}

Bytes UnmanagedAccount::Owed() const {
  return closed_ ? Bytes() : SaturatingSubtract(unmanaged(), Promised());
}

void UnmanagedAccount::Balance() {
  const Bytes unspent = SaturatingSubtract(Promised(), unmanaged());
  unspent_.store(unspent.count(), std::memory_order_relaxed);
  if (on_unspent_ != nullptr) on_unspent_(unspent);
  SetDebt(Owed());
}

void UnmanagedAccount::SetDebt(Bytes owed) {
  const Bytes held = debt_.size();
  if (owed > held) {
    Grant more = budget_->Charge(owed - held, Tag::Debt());
    more.Settle();
    debt_.Merge(std::move(more));
  } else if (owed < held) {
    debt_.Split(held - owed).Release();
  }
  debt_bytes_.store(debt_.size().count(), std::memory_order_relaxed);
}

void UnmanagedAccount::Close() {
  if (!process_.is_current()) return;
  MutexLock lock(mutex_);
  closed_ = true;
  allowance_.Release();
  Balance();
}

void UnmanagedAccount::Forfeit() {
  if (!process_.is_current()) return;
  MutexLock lock(mutex_);
  closed_ = true;
  allowance_.Forfeit();
  debt_.Forfeit();
  Balance();
}

std::vector<UnmanagedAccount::Peak> UnmanagedAccount::peaks() const {
  if (!process_.is_current()) return {};
  MutexLock lock(mutex_);
  return peaks_;
}

Transient::~Transient() { account_->End(this); }

}  // namespace governor
