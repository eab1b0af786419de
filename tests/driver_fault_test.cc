// Every driver call of every scenario fails in turn, once and from there on,
// with each of five errors. Nothing may leak, what is granted must equal what
// is resident, and what was being used must work afterwards or say that it
// does not.

#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "governor/driver/cuda_status.h"
#include "governor/driver_choice.h"
#include "governor/governor.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr char kMachine[] = "gb10,memory=1GiB";

// What a scenario works with. The parts that it opened are null until then.
struct World {
  std::unique_ptr<Governor> governor;
  std::unique_ptr<ElasticRegion> region;

  absl::Status OpenGovernor() {
    auto opened = Governor::Create({.budget = MiB(512),
                                    .os_reserve = MiB(64),
                                    .allowance = MiB(16),
                                    .driver = DriverChoice::kHost,
                                    .host_driver = kMachine,
                                    .max_cached = MiB(4)});
    if (opened.ok()) governor = *std::move(opened);
    return opened.status();
  }

  absl::Status Reserve() {
    auto reserved = governor->CreateRegion({.size = MiB(64)});
    if (reserved.ok()) region = *std::move(reserved);
    return reserved.status();
  }
};

// `prepare` runs without faults, `act` with them. A scenario is these lines.
struct Scenario {
  const char* name;
  std::function<absl::Status(World&)> prepare;
  std::function<absl::Status(World&)> act;
  bool asks_for_memory = false;
};

absl::Status Nothing(World&) { return absl::OkStatus(); }

absl::Status PrepareRegion(World& world) {
  absl::Status status = world.OpenGovernor();
  if (status.ok()) status = world.Reserve();
  return status;
}

absl::Status PrepareCommitted(World& world) {
  absl::Status status = PrepareRegion(world);
  if (status.ok()) status = world.region->Commit(0, 8);
  return status;
}

absl::Status PrepareCached(World& world) {
  absl::Status status = PrepareCommitted(world);
  if (status.ok()) status = world.region->Decommit(2, 2);
  return status;
}

std::vector<Scenario> Scenarios() {
  return {
      {"open", Nothing, [](World& world) { return world.OpenGovernor(); }},
      {"reserve", [](World& world) { return world.OpenGovernor(); },
       [](World& world) { return world.Reserve(); }},
      {"commit", PrepareRegion,
       [](World& world) { return world.region->Commit(3, 4); }, true},
      {"commit_reusing", PrepareCached,
       [](World& world) { return world.region->Commit(8, 4); }, true},
      {"shrink", PrepareCommitted,
       [](World& world) { return world.region->Decommit(1, 6); }},
      {"trim", PrepareCached,
       [](World& world) {
         // Short but for what is cached.
         return world.governor->Lease(world.governor->headroom() + MiB(2))
             .status();
       },
       true},
      {"close_region", PrepareCached,
       [](World& world) { return world.region->Close(); }},
      {"close", PrepareCached,
       [](World& world) {
         absl::Status status = world.region->Close();
         status.Update(world.governor->Close());
         return status;
       }},
      {"destroy_region", PrepareCached,
       [](World& world) {
         world.region.reset();
         return absl::OkStatus();
       }},
      {"destroy", PrepareCached,
       [](World& world) {
         world = World();
         return absl::OkStatus();
       }},
      {"snapshot", PrepareCached,
       [](World& world) { return world.governor->TakeSnapshot().status(); }},
      {"everything", Nothing,
       [](World& world) {
         absl::Status status = PrepareCached(world);
         if (status.ok()) status = world.region->Commit(8, 10);
         if (status.ok()) status = world.region->Close();
         if (status.ok()) status = world.governor->Close();
         return status;
       }},
  };
}

constexpr CUresult kErrors[] = {
    CUDA_ERROR_OUT_OF_MEMORY, CUDA_ERROR_INVALID_VALUE,
    CUDA_ERROR_NOT_SUPPORTED, CUDA_ERROR_ILLEGAL_ADDRESS, CUDA_ERROR_UNKNOWN};

class DriverFaultTest : public testing::TestWithParam<Scenario> {
 protected:
  DriverFaultTest() : driver_(*Open(DriverChoice::kHost, kMachine)) {}

  HostDriver& host() { return *driver_.host; }

  // What is granted for memory is what the driver counts, at every rest.
  void ExpectChargedIsResident(const World& world) {
    if (world.governor == nullptr || world.governor->is_closed()) return;
    EXPECT_EQ(world.governor->granted(), host().physical_bytes());
  }

  void ExpectSnapshotCounts(const World& world) {
    if (world.governor == nullptr || world.governor->is_closed()) return;
    const absl::StatusOr<Snapshot> snapshot = world.governor->TakeSnapshot();
    ASSERT_TRUE(snapshot.ok()) << snapshot.status();
    EXPECT_EQ(snapshot->governed, host().physical_bytes());
  }

  void ExpectUsableOrSayingSo(World& world) {
    if (world.region == nullptr) return;
    if (world.region->is_closed() || world.governor->is_closed()) {
      EXPECT_EQ(world.region->Commit(31, 1).code(),
                absl::StatusCode::kFailedPrecondition);
      return;
    }
    EXPECT_TRUE(world.region->Commit(20, 2).ok());
    for (size_t i = 0; i < world.region->num_blocks(); ++i) {
      if (world.region->is_committed(i)) {
        const absl::Status status = world.region->Decommit(i, 1);
        EXPECT_TRUE(status.ok()) << status;
      }
    }
    // Blocks whose commit had failed can be committed like any other.
    EXPECT_TRUE(world.region->Commit(0, world.region->num_blocks()).ok());
    ExpectChargedIsResident(world);
  }

  void ExpectNothingLeft(World& world) {
    if (world.region != nullptr) {
      EXPECT_TRUE(world.region->Close().ok());
      world.region.reset();
    }
    if (world.governor != nullptr) {
      const absl::Status status = world.governor->Close();
      EXPECT_TRUE(status.ok()) << status;
      EXPECT_EQ(world.governor->granted(), Bytes());
      world.governor.reset();
    }
    EXPECT_EQ(host().live_objects(), LiveObjects());
    EXPECT_EQ(host().physical_bytes(), Bytes());
  }

  // Keeps the one host driver of kMachine alive between worlds.
  OpenDriver driver_;
};

TEST_P(DriverFaultTest, EachCallFailsInTurn) {
  const Scenario& scenario = GetParam();
  uint64_t calls = 0;
  {
    World world;
    ASSERT_TRUE(scenario.prepare(world).ok());
    const uint64_t before = host().total_calls();
    ASSERT_TRUE(scenario.act(world).ok());
    calls = host().total_calls() - before;
    ExpectNothingLeft(world);
  }
  ASSERT_GT(calls, 0u);
  uint64_t points = 0;
  for (uint64_t n = 1; n <= calls; ++n) {
    for (CUresult error : kErrors) {
      for (bool once : {true, false}) {
        SCOPED_TRACE(absl::StrCat(scenario.name, ": call ", n, " of ", calls,
                                  once ? " fails once" : " fails from there on",
                                  " with ", error));
        World world;
        ASSERT_TRUE(scenario.prepare(world).ok());
        if (once) {
          host().faults().FailNthCall(n, error);
        } else {
          host().faults().FailCallsFrom(n, error);
        }
        const absl::Status status = scenario.act(world);
        if (!status.ok() && CudaResultOf(status)) {
          EXPECT_EQ(CudaResultOf(status), error);
          EXPECT_EQ(status.code(), CudaStatus(error, "").code());
        }
        if (scenario.asks_for_memory &&
            status.code() == absl::StatusCode::kResourceExhausted) {
          // A refusal comes with its numbers.
          EXPECT_TRUE(RefusalOf(status).has_value()) << status;
        }
        ExpectChargedIsResident(world);
        host().faults().Clear();
        ExpectSnapshotCounts(world);
        const bool destroys =
            std::string(scenario.name).rfind("destroy", 0) == 0;
        if (!destroys || once) {
          ExpectUsableOrSayingSo(world);
          ExpectNothingLeft(world);
        } else {
          // The driver let nothing go while the objects ended: what stayed is
          // the driver's alone now, and as long as there is a budget, charged.
          // The next case wants a new driver.
          world = World();
          driver_ = OpenDriver();
          driver_ = *Open(DriverChoice::kHost, kMachine);
        }
        ++points;
        if (HasFailure()) return;
      }
    }
  }
  std::cout << scenario.name << ": " << calls << " calls, " << points
            << " fault points\n";
}

INSTANTIATE_TEST_SUITE_P(Scenarios, DriverFaultTest,
                         testing::ValuesIn(Scenarios()),
                         [](const testing::TestParamInfo<Scenario>& info) {
                           return std::string(info.param.name);
                         });

}  // namespace
}  // namespace governor
