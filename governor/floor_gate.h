#ifndef GOVERNOR_FLOOR_GATE_H_
#define GOVERNOR_FLOOR_GATE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "governor/base/clock.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/budget/gate.h"
#include "governor/budget/machine_record.h"
#include "governor/host/host_sampler.h"
#include "governor/host/host_snapshot.h"
#include "governor/host/plough.h"
#include "governor/policy/host_headroom.h"
#include "governor/spare_reading.h"

namespace governor {

// What a FloorGate stands on. Nothing is owned; all outlives the gate.
struct FloorGateOptions {
  Bytes floor;
  const HostSampler* sampler = nullptr;
  MachineRecord* record = nullptr;
  const Clock* clock = nullptr;
  // Where creating memory does not yet take pages of the machine: what is
  // created, by the driver's books, and how much of that is pages now. Neither
  // calls back. Empty: all that is created is pages. Two gates of one process
  // over the same books count them twice.
  std::function<Bytes()> created = nullptr;
  std::function<Bytes()> resident = nullptr;
  // Whether the driver takes contiguous memory, as a GPU's does. The host
  // driver's memory files are made of small pages, wherever they lie.
  bool needs_contiguity = true;
  // Makes room for a step: Plough, but in tests.
  std::function<Bytes(Bytes size, const Clock& clock, absl::Time deadline)>
      plough = &Plough;
};

// The floor that the operating system keeps, at the moment of the grant: a
// request passes when what the machine can spare above the floor, less what
// every governor of the user has on its way to memory, covers it. What it
// admits stands in the machine record, so that two processes that see the same
// spare memory do not both take it.
//
// A grant makes no system call while the reading is younger than kFresh. Before
// it says no it always reads again. Thread-safe.
class FloorGate final : public Gate {
 public:
  static constexpr int64_t kFreshNs = 10'000'000;
  static constexpr absl::Duration kFresh = absl::Nanoseconds(kFreshNs);
  // How long a step may make room when its request gave no deadline, and how
  // often in a row that may bring nothing.
  static constexpr absl::Duration kPloughTime = absl::Seconds(10);
  static constexpr int kVainPloughs = 2;

  explicit FloorGate(const FloorGateOptions& options);

  std::optional<Refusal> Admit(Bytes size) override;
  void Withdraw(Bytes size) override;
  void Settle(Bytes size) override;
  void Return(Bytes size, bool settled) override;
  std::optional<Refusal> PrepareStep(Bytes step, absl::Time deadline) override;
  Bytes headroom() const override;

  // What was set aside and is not memory yet, the unspent allowance: in flight
  // like any other grant, though settled. Replaces what was promised before.
  void Promise(Bytes unspent);

  // Reads the machine, which grants judge by from here on.
  HostSnapshot Take(SampleDepth depth);

  // How long steps of this process have kept the kernel busy by now, in making
  // room and in the driver's calls: what of the machine's stalls may be theirs.
  absl::Duration own_stall() const;

  // The judgement of the last reading; reads when there is none that is fresh.
  HostSpare Look() const;
  Bytes floor() const { return options_.floor; }
  // What all governors of the user have on its way to memory.
  Bytes in_flight() const;

 private:
  bool TryClaim(Bytes size, const SpareReading::Value& reading);
  HostSnapshot TakeLocked(SampleDepth depth) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetUntouched(Bytes untouched) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsFresh(const SpareReading::Value& reading) const;
  // PrepareStep, less the account of time.
  std::optional<Refusal> MakeRoom(Bytes step, absl::Time deadline);
  // True when what is on its way, the step among it, fits what `now` says; else
  // `now` and `*obstacle` are of the last of several readings.
  bool StepFits(Bytes step, HostSnapshot* now, Obstacle* obstacle);
  SpareReading::Value FreshReading() const;
  // Of a reading, what all that is on its way to memory leaves.
  Bytes Left(const SpareReading::Value& reading) const;
  Refusal Refuse(absl::string_view limited_by, Bytes headroom) const;
  // From now on the kernel works for `step`, until EndStep is told of as many
  // bytes. What belongs to no step, a lease or an allowance, ends nothing
  // unless a step is under way, whose time is then counted a little short.
  void BeginStep(Bytes step);
  void EndStep(Bytes size);
  // Adds what passed since the last call, if there is a step.
  void CountOwnStall(int64_t now_ns) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(own_mutex_);
  // Takes `step` of the contiguous memory that was seen a moment ago.
  bool TakeContiguous(Bytes step);

  const FloorGateOptions options_;
  const ProcessEpoch process_;
  const int64_t coarse_lag_ns_;
  mutable SpareReading reading_;
  // Of the last full reading, what is left of it for steps.
  std::atomic<uint64_t> contiguous_{0};
  std::atomic<int64_t> contiguous_until_ns_{INT64_MIN};
  // Steps that are making room now.
  std::atomic<int> steps_{0};
  // Of all steps, what is neither settled nor given back.
  std::atomic<uint64_t> step_left_{0};

  // Taken alone, or under mutex_.
  mutable Mutex own_mutex_;
  // For how long there were steps, up to own_until_ns_.
  mutable int64_t own_stall_ns_ ABSL_GUARDED_BY(own_mutex_) = 0;
  mutable int64_t own_until_ns_ ABSL_GUARDED_BY(own_mutex_) = 0;

  mutable Mutex mutex_;
  mutable HostSpare spare_ ABSL_GUARDED_BY(mutex_);
  // Of the last full reading that had zones. Until there is one all free memory
  // may be such that no driver can have.
  mutable std::optional<Bytes> movable_free_ ABSL_GUARDED_BY(mutex_);
  // The last reading that was no step's, to see what others stall.
  mutable std::optional<HostSnapshot> before_ ABSL_GUARDED_BY(mutex_);
  Bytes promised_ ABSL_GUARDED_BY(mutex_);
  // With `resident`: what is created and no page yet, which is in the record;
  // and, until the next reading, what was settled since the last.
  mutable Bytes untouched_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_FLOOR_GATE_H_
