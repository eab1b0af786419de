#ifndef GOVERNOR_TREE_MACHINE_H_
#define GOVERNOR_TREE_MACHINE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "governor/base/fake_clock.h"
#include "governor/governor.h"
#include "governor/host/host_tree.h"
#include "gtest/gtest.h"

namespace governor {

// For tests: a quiet machine of 16 GiB whose kernel tells what the test says,
// 3 GiB above its floor, and governors on it: a GB10 on the host driver, and a
// machine record that no other test joins. Its time stands still, so that
// readings stay fresh until the test moves it.
class TreeMachine {
 public:
  static constexpr Bytes kFloor = GiB(2);
  static constexpr Bytes kSpare = GiB(3);
  static constexpr Bytes kContext = MiB(16);

  TreeMachine() : tree_(Folder("tree"), Quiet()) {
    clock_.Advance(absl::Seconds(1));
  }

  // A folder of this test's own.
  static std::string Folder(const std::string& name) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    return absl::StrCat(::testing::TempDir(), "/", test->test_suite_name(), ".",
                        test->name(), ".", name);
  }

  static HostFigures Quiet() {
    HostFigures figures;
    figures.available = kFloor + kSpare;
    return figures;
  }

  // `options` on this machine. The allowance is what the context takes: nothing
  // of it is unspent, and no debt is there.
  GovernorOptions On(GovernorOptions options = {}) {
    options.driver = DriverChoice::kHost;
    if (!options.host_driver) {
      options.host_driver = absl::StrCat(
          "gb10,memory=16GiB,context=", kContext.count() >> 20, "MiB");
    }
    if (!options.budget) options.budget = GiB(12);
    if (!options.os_reserve) options.os_reserve = kFloor;
    if (!options.allowance) options.allowance = kContext;
    if (!options.phases) options.phases = "";
    options.share_dir = Folder("share");
    options.host_root = tree_.root();
    if (options.clock == nullptr) options.clock = &clock_;
    return options;
  }

  std::unique_ptr<Governor> MustOpen(GovernorOptions options = {}) {
    auto governor = Governor::Create(On(std::move(options)));
    EXPECT_TRUE(governor.ok()) << governor.status();
    return *std::move(governor);
  }

  FakeClock& clock() { return clock_; }
  HostTree& tree() { return tree_; }

  // From now on the kernel says so; no reading is fresh any more.
  void SetAvailable(Bytes available) {
    tree_.Change([&](HostFigures& host) { host.available = available; });
    clock_.Advance(absl::Seconds(1));
  }

 private:
  FakeClock clock_;
  HostTree tree_;
};

}  // namespace governor

#endif  // GOVERNOR_TREE_MACHINE_H_
