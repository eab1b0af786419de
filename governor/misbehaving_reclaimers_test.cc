// Whatever a reclaimer does to a whole governor, at whichever call it is asked:
// nobody is granted what is not there, nobody hangs past his deadline, and the
// governor is whole afterwards. See governor/budget/misbehaving_reclaimers_test
// for the calls of a budget, and governor/memory for commits.

#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/time/clock.h"
#include "governor/budget/misbehaving_reclaimer.h"
#include "governor/driver/host_driver/host_driver.h"
#include "governor/governor.h"
#include "governor/tree_machine.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

using absl::StatusCode;
using Kind = ReclaimerOptions::Kind;

constexpr Bytes kUnit = MiB(16);
// The part of the floor that is given back beyond what it lacks.
constexpr uint64_t kMarginUnits = 8;

// Waits in real time, but sees the machine at one moment: no reading gets old.
class StillClock final : public Clock {
 public:
  absl::Time Now() const override { return real_.Now(); }
  absl::Duration Monotonic() const override { return absl::Hours(1); }
  int64_t CoarseNanoseconds() const override {
    return absl::ToInt64Nanoseconds(Monotonic());
  }
  absl::Duration coarse_lag() const override { return absl::ZeroDuration(); }
  bool WaitUntil(CondVar& condition, Mutex& mutex, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    return real_.WaitUntil(condition, mutex, deadline);
  }

 private:
  RealClock real_;
};

// The reclaimers on a governor, of whose budget they hold 100 units and
// `others` are free.
class MisbehavingTenants final : public MisbehavingReclaimers {
 public:
  MisbehavingTenants(Misbehaviour misbehaviour, Kind kind,
                     std::unique_ptr<Governor> governor)
      : MisbehavingTenants(misbehaviour, kind,
                           std::shared_ptr<Governor>(std::move(governor))) {}

  Governor& governor() { return *governor_; }

  void CheckUnharmed() {
    EXPECT_FALSE(governor_->is_closed());
    CheckAllIsThere();
    const absl::Status closed = governor_->Close();
    EXPECT_TRUE(closed.ok()) << closed;
  }

 private:
  MisbehavingTenants(Misbehaviour misbehaviour, Kind kind,
                     const std::shared_ptr<Governor>& governor)
      : MisbehavingReclaimers(
            misbehaviour, {.kind = kind}, kUnit,
            {.acquire =
                 [governor](Bytes size, const AcquireOptions& how) {
                   return governor->Lease(size, how);
                 },
             .enrol =
                 [governor](Reclaimer& reclaimer, const ReclaimerOptions& how) {
                   return governor->OnReclaim(reclaimer, how).value();
                 },
             .begin_a_round =
                 [governor](Bytes, absl::Time) {
                   governor->Tick(absl::Now());
                   EXPECT_EQ(governor->Close().code(),
                             StatusCode::kFailedPrecondition);
                 },
             .granted = [governor] { return governor->granted(); },
             .limit = governor->budget() - governor->allowance()}),
        governor_(governor) {}

  const std::shared_ptr<Governor> governor_;
};

class GovernorsReclaimersTest : public testing::TestWithParam<int> {
 protected:
  Misbehaviour misbehaviour() const {
    return static_cast<Misbehaviour>(GetParam());
  }
  bool Throws() const {
    return misbehaviour() == Misbehaviour::kThrowsException ||
           misbehaviour() == Misbehaviour::kThrowsInt;
  }
  // A child of a fork on another thread than main's ends with that thread:
  // under TSan it crashes then, whatever the program, and to ASan all that main
  // had is leaked.
  bool SanitizersCannotRunIt() const {
#if defined(ABSL_HAVE_THREAD_SANITIZER) || defined(ABSL_HAVE_ADDRESS_SANITIZER)
    return misbehaviour() == Misbehaviour::kForks;
#else
    return false;
#endif
  }
  bool Blocks() const { return misbehaviour() == Misbehaviour::kBlocks; }

  // The one that exits does so in a process of its own.
  void RunIn(Kind kind, GovernorOptions options, uint64_t free_units,
             const std::function<void(MisbehavingTenants&)>& run) {
    options.budget = TreeMachine::kContext + kUnit * (100 + free_units);
    if (options.clock == nullptr) options.clock = &clock_;
    const auto make = [&] {
      return std::make_unique<MisbehavingTenants>(misbehaviour(), kind,
                                                  machine_.MustOpen(options));
    };
    if (misbehaviour() == Misbehaviour::kExits) {
      ExpectExit([&] {
        const auto tenants = make();
        tenants->EndRegistrationsAtExit();
        run(*tenants);
      });
      MendFloor();  // in the files that the child left
      return;
    }
    const auto tenants = make();
    run(*tenants);
    EXPECT_GE(tenants->calls(), 1);
    tenants->CheckUnharmed();
  }

  // The machine has `units` less than its floor.
  void BreakFloorBy(uint64_t units) {
    machine_.SetAvailable(TreeMachine::kFloor - kUnit * units);
  }
  void MendFloor() {
    machine_.SetAvailable(TreeMachine::kFloor + TreeMachine::kSpare);
  }

  // Asks for 30 units and says whether it got them; what it got is dropped when
  // the test ends.
  using Request = std::function<absl::Status(Governor&, absl::Time deadline)>;
  std::vector<Request> Requests() {
    return {[this](Governor& governor, absl::Time deadline) {
              auto lease = governor.Lease(kUnit * 30, {.deadline = deadline});
              if (lease.ok()) lease_ = *std::move(lease);
              return lease.status();
            },
            [this](Governor& governor, absl::Time deadline) {
              auto phase = governor.BeginTransient("phase", kUnit * 30,
                                                   {.deadline = deadline});
              if (phase.ok()) phase_ = *std::move(phase);
              return phase.status();
            }};
  }
  void DropWhatWasAsked() {
    lease_.Release();
    phase_.reset();
  }

  // After a request whose reclaimers are not asked any more.
  static void CheckGranted(MisbehavingTenants& tenants, bool ok) {
    EXPECT_EQ(tenants.governor().granted(),
              tenants.held() + (ok ? kUnit * 30 : Bytes()));
    EXPECT_LE(tenants.governor().granted(), kUnit * 100);
  }

  RealClock clock_;
  StillClock still_;
  TreeMachine machine_;
  Grant lease_;
  std::unique_ptr<Transient> phase_;
};

TEST_P(GovernorsReclaimersTest, AskedInTickOnAMachineBelowItsFloor) {
  for (const Kind kind : {Kind::kCallback, Kind::kCache}) {
    RunIn(kind, {.tick = true}, 0, [&](MisbehavingTenants& tenants) {
      Governor& governor = tenants.governor();
      BreakFloorBy(30);
      // A round has a second from what it is told is now.
      governor.Tick(tenants.Soon() - absl::Seconds(1));
      tenants.EndIfChild(governor.granted() == kUnit * 100);
      EXPECT_EQ(governor.granted(), tenants.held());
      if (Blocks() && kind == Kind::kCallback) {
        // Nobody else was asked in time.
        EXPECT_EQ(governor.granted(), kUnit * 100);
      } else {
        EXPECT_LE(governor.granted(), kUnit * (100 - 30 - kMarginUnits));
      }
      MendFloor();
    });
  }
}

TEST_P(GovernorsReclaimersTest, AskedByTheThreadOnAMachineBelowItsFloor) {
  if (SanitizersCannotRunIt()) GTEST_SKIP();
  // Looked up before one that exits tears the test's own data down.
  const bool blocks = Blocks();
  for (const Kind kind : {Kind::kCallback, Kind::kCache}) {
    RunIn(kind, {}, 0, [&](MisbehavingTenants& tenants) {
      Governor& governor = tenants.governor();
      if (kind == Kind::kCallback) tenants.RequestIsElsewhere();
      ASSERT_TRUE(governor.StartThread().ok());
      BreakFloorBy(30);
      while (tenants.calls() == 0) std::this_thread::yield();
      // One that blocks does so while a request comes and goes.
      if (blocks && kind == Kind::kCallback) {
        EXPECT_EQ(
            governor.Lease(kUnit, {.deadline = tenants.Soon()}).status().code(),
            StatusCode::kResourceExhausted);
        EXPECT_EQ(tenants.calls_over(), 0);
      }
      tenants.RequestReturned();
      // It is asked again, if need be, and so is the honest one.
      while (tenants.calls_over() == 0 ||
             governor.granted() > kUnit * (100 - 30 - kMarginUnits)) {
        std::this_thread::yield();
      }
      MendFloor();
      tenants.EndRegistrations();
      EXPECT_EQ(governor.granted(), tenants.held());
    });
  }
}

TEST_P(GovernorsReclaimersTest, AskedAsACacheByTheRequestItself) {
  for (const Request& request : Requests()) {
    RunIn(Kind::kCache, {.tick = true}, 0, [&](MisbehavingTenants& tenants) {
      absl::Status status;
      bool threw = false;
      try {
        status = request(tenants.governor(), absl::InfinitePast());
      } catch (...) {
        threw = true;
      }
      tenants.EndIfChild(status.code() == StatusCode::kFailedPrecondition);
      EXPECT_EQ(threw, Throws());
      EXPECT_TRUE(status.ok()) << status;
      tenants.EndRegistrations();
      CheckGranted(tenants, !threw);
      DropWhatWasAsked();
    });
  }
}

TEST_P(GovernorsReclaimersTest, AskedByTheThreadForARequest) {
  if (SanitizersCannotRunIt()) GTEST_SKIP();
  const bool blocks = Blocks();
  for (const Request& request : Requests()) {
    RunIn(Kind::kCallback, {}, 0, [&](MisbehavingTenants& tenants) {
      tenants.RequestIsElsewhere();
      const absl::Status status = request(tenants.governor(), tenants.Soon());
      tenants.RequestReturned();
      while (tenants.calls_over() == 0) std::this_thread::yield();
      EXPECT_EQ(status.code(),
                blocks ? StatusCode::kResourceExhausted : StatusCode::kOk)
          << status;
      tenants.EndRegistrations();
      CheckGranted(tenants, status.ok());
      DropWhatWasAsked();
    });
  }
}

// A commit whose grant passed, and whose step the machine then refuses, by 15
// units, makes caches give.
TEST_P(GovernorsReclaimersTest, AskedForAStepThatTheMachineRefuses) {
  machine_.SetAvailable(TreeMachine::kFloor + kUnit * 132);
  const GovernorOptions options = {
      .tick = true, .max_cached = Bytes(), .clock = &still_};
  RunIn(Kind::kCache, options, 32, [&](MisbehavingTenants& tenants) {
    Governor& governor = tenants.governor();
    auto region = *governor.CreateRegion({.size = GiB(1), .block_size = kUnit});
    // The last reading has room for all; the next has not.
    EXPECT_EQ(governor.headroom(), kUnit * 32);
    machine_.SetAvailable(TreeMachine::kFloor + kUnit * (132 - 15));
    absl::Status status;
    bool threw = false;
    try {
      status = region->Commit(0, 32);
    } catch (...) {
      threw = true;
    }
    tenants.EndIfChild(status.code() == StatusCode::kFailedPrecondition);
    EXPECT_EQ(threw, Throws());
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(region->resident(), threw ? Bytes() : kUnit * 32);
    EXPECT_EQ(governor.granted(), tenants.held() + region->resident());
    EXPECT_EQ(governor.host_driver()->physical_bytes(), region->resident());
    EXPECT_TRUE(region->Close().ok());
    MendFloor();
  });
}

INSTANTIATE_TEST_SUITE_P(All, GovernorsReclaimersTest,
                         testing::Range(0, kNumMisbehaviours),
                         [](const testing::TestParamInfo<int>& info) {
                           return NameOf(static_cast<Misbehaviour>(info.param));
                         });

}  // namespace
}  // namespace governor
