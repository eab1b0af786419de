// What the floor costs at a grant: over this machine's own figures, with a
// record that only this process has joined, or two more.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "governor/base/clock.h"
#include "governor/budget/local_budget.h"
#include "governor/budget/machine_record.h"
#include "governor/floor_gate.h"
#include "governor/host/host_sampler.h"

namespace governor {
namespace {

class Machine {
 public:
  explicit Machine(int others) {
    char folder[] = "/tmp/floor_gate_benchmark.XXXXXX";
    folder_ = ::mkdtemp(folder);
    sampler_ = *HostSampler::Open("/", clock_);
    record_ = *MachineRecord::Join(folder_, "benchmark");
    for (int i = 0; i < others; ++i) {
      others_.push_back(*MachineRecord::Join(folder_, "other"));
      others_.back()->AddInFlight(MiB(1));
    }
    gate_ =
        std::make_unique<FloorGate>(FloorGateOptions{.floor = MiB(64),
                                                     .sampler = sampler_.get(),
                                                     .record = record_.get(),
                                                     .clock = &clock_});
    budget_ = *LocalBudget::Create(
        {.limit = GiB(64), .clock = &clock_, .gate = gate_.get()});
  }
  ~Machine() { std::filesystem::remove_all(folder_); }

  LocalBudget& budget() { return *budget_; }
  FloorGate& gate() { return *gate_; }

 private:
  std::string folder_;
  RealClock clock_;
  std::unique_ptr<HostSampler> sampler_;
  std::unique_ptr<MachineRecord> record_;
  std::vector<std::unique_ptr<MachineRecord>> others_;
  std::unique_ptr<FloorGate> gate_;
  std::unique_ptr<LocalBudget> budget_;
};

// A grant and its drop; a reading every 10 ms is among them.
void BM_GrantUnderTheFloor(benchmark::State& state) {
  Machine machine(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    absl::StatusOr<Grant> grant = machine.budget().Acquire(MiB(2), {});
    benchmark::DoNotOptimize(grant);
  }
}
BENCHMARK(BM_GrantUnderTheFloor)->Arg(0)->Arg(2)->Arg(8);

void BM_GrantAlone(benchmark::State& state) {
  RealClock clock;
  const auto budget = *LocalBudget::Create({.limit = GiB(64), .clock = &clock});
  for (auto _ : state) {
    absl::StatusOr<Grant> grant = budget->Acquire(MiB(2), {});
    benchmark::DoNotOptimize(grant);
  }
}
BENCHMARK(BM_GrantAlone);

void BM_Headroom(benchmark::State& state) {
  Machine machine(0);
  for (auto _ : state) benchmark::DoNotOptimize(machine.gate().headroom());
}
BENCHMARK(BM_Headroom);

}  // namespace
}  // namespace governor
