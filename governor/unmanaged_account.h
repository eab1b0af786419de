#ifndef GOVERNOR_UNMANAGED_ACCOUNT_H_
#define GOVERNOR_UNMANAGED_ACCOUNT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/budget/budget.h"

namespace governor {

class Transient;

// What a budget sets aside for unmanaged bytes, and what they really are: the
// allowance, granted at open; transients, granted for one phase each; and debt,
// unmanaged bytes above both, charged as soon as they are measured and released
// as soon as they are gone. It measures nothing itself.
//
// Allowance and transients pass the budget's gate and are settled at once:
// unmanaged bytes come and go behind its back, so what of them is still only a
// promise is told to whoever judges the machine, before it is settled: it is
// counted twice for a moment, never not at all. Debt is memory when it is
// charged.
//
// Thread-safe. Its lock comes before the budget's; the plain numbers take none,
// so that a gate may ask for unspent(). In a forked child it changes nothing.
class UnmanagedAccount : public std::enable_shared_from_this<UnmanagedAccount> {
 public:
  struct Options {
    Bytes allowance = Bytes();
    // Told of unspent() whenever it changes, with the account's lock held.
    // Null: nobody. Calls neither account nor budget, and needs no memory.
    std::function<void(Bytes unspent)> on_unspent = nullptr;
    // Charges the allowance whether or not there is room, and promises nothing:
    // for whoever only looks.
    bool only_looks = false;
  };

  // Acquires the allowance (zero: none). Errors as Budget::Acquire.
  static absl::StatusOr<std::shared_ptr<UnmanagedAccount>> Open(
      std::shared_ptr<Budget> budget, const Options& options);

  ~UnmanagedAccount();
  UnmanagedAccount(const UnmanagedAccount&) = delete;
  UnmanagedAccount& operator=(const UnmanagedAccount&) = delete;

  // Reserves `size` for a phase of this name before it starts; whoever is
  // reclaimable shrinks first. What is unmanaged then, as last observed, is not
  // the phase's: measure just before. Errors as Budget::Acquire;
  // INVALID_ARGUMENT: not a tag's name. The transient may outlive the account's
  // other users, and keeps it alive. `options.tag` is not used: the name is it.
  absl::StatusOr<std::unique_ptr<Transient>> Begin(
      absl::string_view name, Bytes size, const AcquireOptions& options);

  // `unmanaged` was measured: sets the debt, settles what came to exist, and
  // raises the peaks of the transients that are under way. Needs no memory of
  // the host.
  void Observe(Bytes unmanaged);

  Bytes allowance() const { return allowance_size_; }   // as declared
  Bytes unmanaged() const { return Load(unmanaged_); }  // as last measured
  Bytes debt() const { return Load(debt_bytes_); }
  // What of the allowance and of transients is not memory yet.
  Bytes unspent() const { return Load(unspent_); }

  // Whether a transient is under way.
  bool has_transients() const { return num_open_.load() > 0; }

  // Drops allowance and debt, and incurs no debt from then on; transients go
  // on. As before Open otherwise.
  void Close();
  // Leaves the charges behind: for a context that could not be released. Closed
  // from then on.
  void Forfeit();

  // The highest a phase of this name was measured at, over all of this process.
  struct Peak {
    std::string name;
    Bytes declared;  // by the last that began
    Bytes measured;
  };
  std::vector<Peak> peaks() const;

 private:
  friend class Transient;

  UnmanagedAccount(std::shared_ptr<Budget> budget, const Options& options)
      : budget_(std::move(budget)),
        allowance_size_(options.allowance),
        on_unspent_(options.only_looks ? nullptr : options.on_unspent) {}

  static Bytes Load(const std::atomic<uint64_t>& count) {
    return Bytes(count.load(std::memory_order_relaxed));
  }

  void Add(Transient* transient);
  // Of its bytes those that are memory stay charged, as debt.
  void End(Transient* transient);
  Bytes Promised() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Bytes Owed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Makes debt and unspent() what the last measurement and the promises say.
  void Balance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetDebt(Bytes owed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::shared_ptr<Budget> budget_;
  const Bytes allowance_size_;
  const std::function<void(Bytes)> on_unspent_;
  const ProcessEpoch process_;

  mutable Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  Grant allowance_ ABSL_GUARDED_BY(mutex_);
  Grant debt_ ABSL_GUARDED_BY(mutex_);
  std::vector<Transient*> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<Peak> peaks_ ABSL_GUARDED_BY(mutex_);

  // Written with the lock held.
  std::atomic<uint64_t> unmanaged_{0};
  std::atomic<uint64_t> debt_bytes_{0};
  std::atomic<uint64_t> unspent_{0};
  std::atomic<int> num_open_{0};
};

// A phase's reservation; ends when it is dropped. What the phase left behind is
// debt from then on, as far as the allowance does not cover it, by the last
// observation: measure just before the end, too. Move through unique_ptr only;
// an object is for one thread at a time.
class Transient {
 public:
  ~Transient();
  Transient(const Transient&) = delete;
  Transient& operator=(const Transient&) = delete;

  const std::string& name() const { return name_; }
  Bytes size() const { return size_; }
  // The most that unmanaged memory grew since the phase began, as measured. Of
  // phases that overlap each is said to have grown by all of it: nothing tells
  // whose bytes they are.
  Bytes peak() const { return UnmanagedAccount::Load(peak_); }

 private:
  friend class UnmanagedAccount;

  Transient(std::shared_ptr<UnmanagedAccount> account, std::string name,
            Bytes size)
      : account_(std::move(account)), name_(std::move(name)), size_(size) {}

  const std::shared_ptr<UnmanagedAccount> account_;
  const std::string name_;
  const Bytes size_;
  Grant grant_;
  Bytes base_;
  size_t peak_index_ = 0;
  std::atomic<uint64_t> peak_{0};
};

}  // namespace governor

#endif  // GOVERNOR_UNMANAGED_ACCOUNT_H_
