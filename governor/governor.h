#ifndef GOVERNOR_GOVERNOR_H_
#define GOVERNOR_GOVERNOR_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/base/should_stop.h"
#include "governor/budget/local_budget.h"
#include "governor/budget/machine_record.h"
#include "governor/driver/primary_context.h"
#include "governor/driver_choice.h"
#include "governor/host/page_back.h"
#include "governor/host/process_pages.h"
#include "governor/host/unmanaged_memory.h"
#include "governor/host_watch.h"
#include "governor/memory/chunk_pool.h"
#include "governor/memory/elastic_region.h"
#include "governor/options.h"
#include "governor/snapshot.h"
#include "governor/unmanaged_account.h"
#include "governor/watch_thread.h"

namespace governor {

// Makes a memory budget a hard fact for one device in one process: what is
// granted never exceeds the budget, and nothing that the library allocates is
// resident without a grant. This is where embedders start; see
// examples/embed.cc. It is not an allocator and limits nobody who allocates
// past it.
//
// On a device that takes the machine's memory each grant also leaves the
// operating system its reserve: the floor is checked before the driver is
// called, by a reading of the machine that is at most 10 ms old, against all
// governors of the user (see FloorGate, MachineRecord).
//
// It takes no signal, and starts a thread only when it is asked to: by
// StartThread, or by the first OnReclaim unless GovernorOptions::tick says that
// the embedder calls Tick. Thread-safe, but for Close and the destructor. In a
// forked child every call that can fail is FAILED_PRECONDITION, the plain
// numbers are what they were at the fork, and the destructor does nothing.
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
  // What is granted; allowance and debt are not counted.
  Bytes granted() const;
  // The smaller of what the budget and what the floor allow now.
  Bytes headroom() const;
  Bytes allowance() const { return account_->allowance(); }
  Bytes os_reserve() const { return os_reserve_; }

  // Reserves `size` for a phase that takes unmanaged memory, before it starts;
  // holders that can give back shrink first. Its true peak is measured in each
  // round and at both ends. The governor outlives it. Errors as
  // Budget::Acquire.
  absl::StatusOr<std::unique_ptr<Transient>> BeginTransient(
      absl::string_view name, Bytes size, const AcquireOptions& options = {});
  // Ends it, after a last measurement, and returns its peak, which is recorded
  // under its name for the next start (GovernorOptions::phases). To drop it is
  // the same without measurement and record.
  Bytes EndTransient(std::unique_ptr<Transient> transient);

  // `reclaimer` is asked to give back from now on, when a request is short or
  // the machine is: on the governor's thread or inside Tick, never on a thread
  // that asks for memory. Ends with the registration, which the governor
  // outlives. FAILED_PRECONDITION: closed.
  absl::StatusOr<std::unique_ptr<Budget::Registration>> OnReclaim(
      Reclaimer& reclaimer, const ReclaimerOptions& options = {});

  // Memory of this process that belongs in RAM: what of it is swapped comes
  // back at a bounded rate (200 MB/s) once pressure is over. Errors as
  // SwappedRange::Create.
  absl::StatusOr<std::unique_ptr<PageBack::Registration>> KeepInMemory(
      const MemoryRange& range);
  // Brings some back now, as a round would; returns how much. Waits for the
  // disk.
  Bytes BringPagesBack();

  // Starts the governor's thread, which calls Tick when it is due, until Close.
  // Again does nothing. RESOURCE_EXHAUSTED: the system gives no thread.
  // FAILED_PRECONDITION: GovernorOptions::tick promised that there is none.
  absl::Status StartThread();
  // One round of what the thread does, for an embedder's own loop: reads the
  // machine, has memory given back before it swaps, measures what is unmanaged,
  // serves requests that wait. Returns when to call again. `now` is what
  // deadlines are counted from.
  absl::Duration Tick(absl::Time now);

  // One reading of device, machine and budget. Costs a few driver calls and a
  // full reading of the machine, 0.2 ms.
  absl::StatusOr<Snapshot> TakeSnapshot() const;

  // The last refusals of all governors of this user on this machine, the newest
  // first.
  std::vector<MachineRecord::RememberedRefusal> Refusals(size_t limit) const;

  const Device& device() const { return context_->device(); }
  const PrimaryContext& context() const { return *context_; }
  // The host driver that stands below, with its own books; null on CUDA.
  const HostDriver* host_driver() const;
  // The default priority of this governor's requests.
  int priority() const { return priority_; }

  // Whether the caller is a callback of this governor, on its thread or inside
  // Tick. There it can neither be closed nor destroyed.
  bool IsOwnThread() const {
    return watch_ != nullptr && watch_->is_inside_on_this_thread();
  }

  // Waits for a callback that is running, releases what is kept and the
  // context, and refuses everything from then on. FAILED_PRECONDITION: regions
  // or leases still hold bytes; nothing was changed. Or the driver's error:
  // call again.
  // CANCELLED: `should_stop` ended the wait for a callback on the governor's
  // thread, which runs on; nothing was changed.
  absl::Status Close(const ShouldStop& should_stop = nullptr);
  bool is_closed() const { return pool_ == nullptr; }

 private:
  struct Foundation;

  Governor() = default;

  absl::Status CheckOpen() const;
  absl::Status OpenDevice(Device device, const GovernorOptions& options);
  void StartWatch(const GovernorOptions& options);
  // Whether there was one. CANCELLED: there still is.
  absl::StatusOr<bool> StopThread(const ShouldStop& should_stop);
  absl::Status CloseWithoutThread();
  bool DriverKeepsReleased() const;
  // Measures what is unmanaged, charges it, and tells the others.
  absl::StatusOr<UnmanagedReading> Measure() const;
  // What was set aside a moment ago is settled and is no driver's memory: the
  // record has it as on its way until this reading, also when its governor does
  // nothing more.
  void ReadMachine() const;
  // As profiles and recorded phases spell it.
  std::string DriverName() const;

  // Keeps what a region needs alive: driver, clock, budget and its gate.
  std::shared_ptr<Foundation> foundation_;
  std::shared_ptr<LocalBudget> budget_;
  std::shared_ptr<PrimaryContext> context_;
  std::shared_ptr<ChunkPool> pool_;  // null once closed
  std::shared_ptr<UnmanagedAccount> account_;
  std::string budget_name_ = "budget";  // or "cgroup", whose limit it then is
  Bytes os_reserve_;
  int priority_ = 0;
  bool ticks_ = false;
  std::string phases_;  // the file of recorded phases; empty: none
  std::atomic<bool> is_closing_{false};

  const std::unique_ptr<ProcessPages> pages_ = KernelPages();
  PageBack page_back_{*pages_, {}};
  std::unique_ptr<HostWatch> watch_;
  mutable Mutex thread_mutex_;
  std::unique_ptr<WatchThread> thread_ ABSL_GUARDED_BY(thread_mutex_);
  // Ends first: it wakes the thread.
  std::unique_ptr<Budget::Registration> server_;
};

}  // namespace governor

#endif  // GOVERNOR_GOVERNOR_H_
