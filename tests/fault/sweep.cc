#include "tests/fault/sweep.h"

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "governor/driver/cuda_status.h"
#include "governor/memory/driver_answer.h"
#include "gtest/gtest.h"
#include "tests/fault/allocation_faults.h"
#include "tests/fault/watchdog.h"

namespace governor {
namespace {

constexpr CUresult kErrors[] = {
    CUDA_ERROR_OUT_OF_MEMORY,  CUDA_ERROR_NOT_SUPPORTED,
    CUDA_ERROR_NOT_PERMITTED,  CUDA_ERROR_INVALID_VALUE,
    CUDA_ERROR_UNKNOWN,        CUDA_ERROR_DEINITIALIZED,
    CUDA_ERROR_ILLEGAL_ADDRESS};

// What this program tried so far.
uint64_t total_points = 0;

// The first error; all steps are done.
Answer PerformAll(World& world, const std::vector<Step>& steps) {
  Answer first;
  for (const Step& step : steps) {
    Answer answer = world.Perform(step);
    if (!first.status.ok()) continue;
    first = std::move(answer);
    first.verb = step.verb;
  }
  return first;
}

// Whether a driver that is short of memory makes it a refusal, with numbers.
bool AsksForMemory(const std::string& verb) {
  return verb == "commit" || verb == "lease" || verb == "lease_past" ||
         verb == "wait_lease";
}

bool LetsGoWithoutClosing(const std::vector<Step>& steps) {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) {
    return step.verb.rfind("drop", 0) == 0;
  });
}

}  // namespace

std::vector<Scenario> ScenariosKnownTo(const World& world) {
  const auto knows = [&world](const char* text) {
    const std::vector<Step> steps = ParseSteps(text);
    return std::all_of(steps.begin(), steps.end(),
                       [&](const Step& step) { return world.Knows(step); });
  };
  std::vector<Scenario> known;
  for (const Scenario& scenario : Scenarios()) {
    if (knows(scenario.prepare) && knows(scenario.act)) {
      known.push_back(scenario);
    }
  }
  return known;
}

Sweep::Sweep(const Scenario& scenario, WorldMaker make_world)
    : scenario_(scenario),
      prepare_(ParseSteps(scenario.prepare)),
      act_(ParseSteps(scenario.act)),
      make_world_(std::move(make_world)) {
  host_.emplace(World::kMachine);
}

Sweep::~Sweep() = default;

void Sweep::DriverCalls() {
  if (!Try({})) return;
  const uint64_t calls = last_.calls;
  for (uint64_t n = 1; n <= calls; ++n) {
    for (const CUresult error : kErrors) {
      for (const bool from_there_on : {false, true}) {
        if (!Try({.calls = {n},
                  .error = error,
                  .from_there_on = from_there_on})) {
          return;
        }
      }
    }
  }
  Print("driver calls");
}

void Sweep::PairsOfDriverCalls() {
  if (!Try({})) return;
  const uint64_t calls = last_.calls;
  for (const CUresult error : kErrors) {
    for (uint64_t first = 1; first <= calls; ++first) {
      // As many as there are once the first has failed.
      if (!Try({.calls = {first}, .error = error})) return;
      const uint64_t calls_then = last_.calls;
      for (uint64_t second = first + 1; second <= calls_then; ++second) {
        if (!Try({.calls = {first, second}, .error = error})) return;
      }
    }
  }
  Print("pairs of driver calls");
}

void Sweep::Allocations() {
  // Twice: the first use of some things allocates once and for all.
  if (!Try({}) || !Try({})) return;
  const uint64_t allocations = last_.allocations;
  for (uint64_t n = 1; n <= allocations; ++n) {
    for (const bool from_there_on : {false, true}) {
      if (!Try({.allocation = n, .from_there_on = from_there_on})) return;
    }
  }
  Print("operator new");
}

void Sweep::DriverCallsWithoutMemory() {
  if (!Try({})) return;
  const uint64_t calls = last_.calls;
  for (uint64_t n = 1; n <= calls; ++n) {
    for (const CUresult error :
         {CUDA_ERROR_OUT_OF_MEMORY, CUDA_ERROR_UNKNOWN}) {
      if (!Try({.calls = {n}, .error = error, .without_memory = true})) return;
    }
  }
  Print("driver calls, then no memory");
}

bool Sweep::Try(const Fault& fault) {
  const std::string description = Describe(fault);
  SCOPED_TRACE(description);
  const Watchdog watchdog(description);
  std::unique_ptr<World> world = make_world_();
  const Answer prepared = PerformAll(*world, prepare_);
  EXPECT_TRUE(prepared.status.ok()) << prepared.status;
  if (testing::Test::HasFailure()) return false;

  FaultPlan& plan = host_->driver().faults();
  for (const uint64_t n : fault.calls) {
    if (fault.from_there_on) {
      plan.FailCallsFrom(n, fault.error);
    } else {
      plan.FailNthCall(n, fault.error);
    }
  }
  if (fault.without_memory) host_->FailAllocationsAfterDriverError();
  const uint64_t calls_before = host_->driver().total_calls();
  FailAllocation(fault.allocation, fault.from_there_on);
  const Answer answer = PerformAll(*world, act_);
  last_.allocations = StopAllocationFaults();
  last_.calls = host_->driver().total_calls() - calls_before;

  CheckAnswer(fault, answer);
  if (world->has_governor()) {
    EXPECT_EQ(world->granted(), host_->driver().physical_bytes());
  }
  host_->StopFaults();
  if (fault.from_there_on && !fault.calls.empty() &&
      LetsGoWithoutClosing(act_)) {
    // The driver let nothing go while the objects ended: what stayed is the
    // driver's alone now. The next fault wants a new one.
    world.reset();
    host_.reset();
    host_.emplace(World::kMachine);
  } else {
    CheckUse(*world);
    CheckEnd(std::move(world));
  }
  const bool is_fault = !fault.calls.empty() || fault.allocation != 0;
  points_ += is_fault;
  return !testing::Test::HasFailure();
}

void Sweep::CheckAnswer(const Fault& fault, const Answer& answer) const {
  const absl::Status& status = answer.status;
  const Scenario::Traits& traits = scenario_.traits;
  if (fault.calls.empty() && fault.allocation == 0) {
    EXPECT_EQ(answer.is_refusal, traits.is_refused) << status;
    EXPECT_EQ(status.ok(), !traits.is_refused) << status;
    return;
  }
  if (status.ok()) return;
  if (answer.is_no_memory) {
    EXPECT_TRUE(fault.allocation != 0 || fault.without_memory);
    return;
  }
  if (const std::optional<CUresult> result = CudaResultOf(status)) {
    EXPECT_EQ(*result, fault.error);
  } else if (answer.is_refusal &&
             (traits.is_refused || traits.may_be_refused)) {
    return;
  }
  const absl::StatusCode expected =
      DriverAnswer{fault.error, ""}.ToStatus().code();
  EXPECT_EQ(status.code(), expected) << status;
  if (absl::IsResourceExhausted(status)) {
    EXPECT_EQ(answer.is_refusal, AsksForMemory(answer.verb)) << status;
  }
}

void Sweep::CheckUse(World& world) {
  if (world.has_governor()) {
    const Answer snapshot = world.Perform({"snapshot", {}});
    EXPECT_TRUE(snapshot.status.ok()) << snapshot.status;
    EXPECT_EQ(world.governed(), host_->driver().physical_bytes());
  }
  // Nothing that the driver refused was passed over.
  const Answer access = world.Perform({"check_access", {}});
  EXPECT_TRUE(access.status.ok()) << access.status;
  EXPECT_TRUE(world.Perform({"release", {}}).status.ok());
  const Answer use = world.Perform({"commit", {30, 2}});
  if (!world.has_region() || !world.has_governor()) {
    // There is none, or it says so; or it outlives its governor.
    EXPECT_TRUE(use.status.ok() || absl::IsFailedPrecondition(use.status))
        << use.status;
    return;
  }
  EXPECT_TRUE(use.status.ok()) << use.status;
  for (const char* verb : {"decommit_all", "commit_rest"}) {
    // Blocks whose commit had failed can be committed like any other.
    const Answer answer = world.Perform({verb, {}});
    EXPECT_TRUE(answer.status.ok()) << verb << ": " << answer.status;
  }
  EXPECT_EQ(world.granted(), host_->driver().physical_bytes());
}

void Sweep::CheckEnd(std::unique_ptr<World> world) {
  for (const char* verb : {"untag", "close_region", "close"}) {
    const Answer answer = world->Perform({verb, {}});
    EXPECT_TRUE(answer.status.ok()) << verb << ": " << answer.status;
  }
  world.reset();
  EXPECT_EQ(host_->driver().live_objects(), LiveObjects());
  EXPECT_EQ(host_->driver().physical_bytes(), Bytes());
}

std::string Sweep::Describe(const Fault& fault) const {
  std::string text = scenario_.name;
  if (!fault.calls.empty()) {
    absl::StrAppend(&text, ": driver call ",
                    absl::StrJoin(fault.calls, " and "), " fails with ",
                    static_cast<int>(fault.error));
  }
  if (fault.allocation != 0) {
    absl::StrAppend(&text, ": allocation ", fault.allocation, " fails");
  }
  if (fault.from_there_on) absl::StrAppend(&text, ", and all after it");
  if (fault.without_memory) absl::StrAppend(&text, ", then all allocations");
  return text;
}

void Sweep::Print(const char* kind) {
  total_points += points_;
  std::cout << scenario_.name << ": " << points_ << " fault points of " << kind
            << "; " << total_points << " by now\n";
  points_ = 0;
}

}  // namespace governor
