#ifndef GOVERNOR_TESTS_FAULT_SWEEP_H_
#define GOVERNOR_TESTS_FAULT_SWEEP_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/fault/faulty_host.h"
#include "tests/fault/scenarios.h"
#include "tests/fault/world.h"

namespace governor {

// Those that a language can do.
std::vector<Scenario> ScenariosKnownTo(const World& world);

// Runs one scenario again and again, each time with another fault: a fault
// point. After each: the answer is one that may be given, what is granted is
// what the driver counts, what was being used works or says that it does not,
// and once it is closed nothing is left. It reports by gtest, stops a kind at
// its first failure, and prints what it did.
class Sweep {
 public:
  using WorldMaker = std::function<std::unique_ptr<World>()>;

  Sweep(const Scenario& scenario, WorldMaker make_world);
  ~Sweep();

  // Each driver call fails, once and from there on, with each error.
  void DriverCalls();
  // Each two driver calls fail, with each error.
  void PairsOfDriverCalls();
  // Each allocation fails, once and from there on.
  void Allocations();
  // Each driver call fails once, and from then on every allocation.
  void DriverCallsWithoutMemory();

 private:
  struct Fault {
    std::vector<uint64_t> calls = {};  // of the driver; the nth of the act
    CUresult error = CUDA_SUCCESS;
    uint64_t allocation = 0;  // 0: none
    bool from_there_on = false;
    bool without_memory = false;  // no allocation after a driver error
  };
  struct Counts {
    uint64_t calls = 0;
    uint64_t allocations = 0;
  };

  // Runs the scenario with the fault. False when something was wrong.
  bool Try(const Fault& fault);
  std::string Describe(const Fault& fault) const;
  void CheckAnswer(const Fault& fault, const Answer& answer) const;
  void CheckUse(World& world);
  void CheckEnd(std::unique_ptr<World> world);
  void Print(const char* kind);

  const Scenario& scenario_;
  const std::vector<Step> prepare_;
  const std::vector<Step> act_;
  const WorldMaker make_world_;
  std::optional<FaultyHost> host_;
  Counts last_;  // what the last act took
  uint64_t points_ = 0;
};

}  // namespace governor

#endif  // GOVERNOR_TESTS_FAULT_SWEEP_H_
