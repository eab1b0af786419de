#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "bindings/c/governor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// The functions of governor.h on the host driver: what each does, and what each
// answers to misuse.
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kBlock = 2 * kMiB;
constexpr size_t kBudget = 64 * kMiB;
constexpr size_t kAllowance = 16 * kMiB;
constexpr size_t kBlocksThatFit = (kBudget - kAllowance) / kBlock;

governor_options_t SmallHost() {
  governor_options_t options = GOVERNOR_OPTIONS_INIT;
  options.budget = "64MiB";
  options.allowance = "16MiB";
  options.driver = "host";
  options.host_driver = "gb10,memory=256MiB,context=8MiB";
  return options;
}

class CApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const governor_options_t options = SmallHost();
    ASSERT_EQ(governor_open(&options, &governor_), GOVERNOR_OK)
        << governor_last_error();
    ASSERT_EQ(governor_region_create(governor_, 4 * kBudget, kBlock, &region_),
              GOVERNOR_OK)
        << governor_last_error();
  }

  void TearDown() override {
    governor_region_close(region_);
    EXPECT_EQ(governor_close(governor_), GOVERNOR_OK) << governor_last_error();
  }

  size_t Free() {
    size_t free = 0;
    size_t total = 0;
    EXPECT_EQ(governor_mem_get_info(governor_, &free, &total), GOVERNOR_OK);
    EXPECT_EQ(total, kBudget);
    return free;
  }

  size_t Resident() {
    size_t resident = 0;
    EXPECT_EQ(governor_region_resident(region_, &resident), GOVERNOR_OK);
    return resident;
  }

  bool IsCommitted(size_t block) {
    int is_committed = -1;
    EXPECT_EQ(governor_region_is_committed(region_, block, &is_committed),
              GOVERNOR_OK);
    return is_committed == 1;
  }

  governor_t* governor_ = nullptr;
  governor_region_t* region_ = nullptr;
};

TEST_F(CApiTest, CommittedBlocksCanBeUsedAndGivenBack) {
  ASSERT_EQ(governor_region_commit(region_, 3, 2, 0), GOVERNOR_OK);
  EXPECT_EQ(Resident(), 2 * kBlock);
  EXPECT_FALSE(IsCommitted(2));
  EXPECT_TRUE(IsCommitted(3));
  EXPECT_EQ(Free(), kBudget - kAllowance - 2 * kBlock);

  void* address = nullptr;
  ASSERT_EQ(governor_region_address(region_, &address), GOVERNOR_OK);
  std::memset(static_cast<char*>(address) + 3 * kBlock, 7, 2 * kBlock);

  EXPECT_EQ(governor_region_decommit(region_, 3, 1, 1), GOVERNOR_OK);
  EXPECT_EQ(governor_region_decommit(region_, 4, 1, 0), GOVERNOR_OK);
  EXPECT_EQ(Resident(), 0);
}

TEST_F(CApiTest, RegionIsRoundedUpToWholeBlocks) {
  governor_region_t* region = nullptr;
  ASSERT_EQ(governor_region_create(governor_, kBlock + 1, kBlock, &region),
            GOVERNOR_OK);
  size_t num_blocks = 0;
  EXPECT_EQ(governor_region_num_blocks(region, &num_blocks), GOVERNOR_OK);
  EXPECT_EQ(num_blocks, 2);
  EXPECT_EQ(governor_region_close(region), GOVERNOR_OK);
}

TEST_F(CApiTest, RefusalSaysWhyInNumbers) {
  ASSERT_EQ(governor_tag_push("kv"), GOVERNOR_OK);
  ASSERT_EQ(governor_region_commit(region_, 0, kBlocksThatFit, 0), GOVERNOR_OK);
  ASSERT_EQ(governor_tag_push("prefix"), GOVERNOR_OK);
  EXPECT_EQ(governor_region_commit(region_, kBlocksThatFit, 3, 0),
            GOVERNOR_REFUSED);
  EXPECT_THAT(governor_last_error(), HasSubstr("64MiB"));
  EXPECT_EQ(Resident(), kBlocksThatFit * kBlock);

  governor_refusal_t refusal;
  refusal.struct_size = sizeof refusal;
  ASSERT_EQ(governor_last_refusal(&refusal), GOVERNOR_OK);
  EXPECT_EQ(refusal.asked_bytes, 3 * kBlock);
  EXPECT_EQ(refusal.granted_bytes, kBudget);
  EXPECT_EQ(refusal.limit_bytes, kBudget);
  EXPECT_EQ(refusal.headroom_bytes, 0);
  EXPECT_STREQ(refusal.limited_by, "budget");
  EXPECT_STREQ(refusal.tag, "prefix");
  ASSERT_EQ(refusal.num_holders, 2);
  EXPECT_STREQ(refusal.holders[0].tag, "kv");
  EXPECT_EQ(refusal.holders[0].granted_bytes, kBudget - kAllowance);
  EXPECT_STREQ(refusal.holders[1].tag, "allowance");
  EXPECT_EQ(refusal.holders[1].granted_bytes, kAllowance);

  EXPECT_EQ(governor_tag_pop(), GOVERNOR_OK);
  EXPECT_EQ(governor_tag_pop(), GOVERNOR_OK);
}

TEST_F(CApiTest, LastErrorAndRefusalAreOfThisThreadsLatestFailure) {
  EXPECT_EQ(governor_lease_acquire(nullptr, 1, 0, nullptr),
            GOVERNOR_INVALID_ARGUMENT);
  const std::string message = governor_last_error();
  governor_refusal_t refusal;
  refusal.struct_size = sizeof refusal;
  EXPECT_EQ(governor_last_refusal(&refusal), GOVERNOR_FAILED_PRECONDITION);
  // Neither that answer nor a call that succeeds is a failure to remember.
  EXPECT_EQ(Resident(), 0);
  EXPECT_EQ(governor_last_error(), message);

  governor_lease_t* lease = nullptr;
  EXPECT_EQ(governor_lease_acquire(governor_, 2 * kBudget, 0, &lease),
            GOVERNOR_REFUSED);
  EXPECT_EQ(governor_last_refusal(&refusal), GOVERNOR_OK);
  EXPECT_EQ(refusal.asked_bytes, 2 * kBudget);
  std::thread([] {
    governor_refusal_t refusal;
    refusal.struct_size = sizeof refusal;
    EXPECT_EQ(governor_last_refusal(&refusal), GOVERNOR_FAILED_PRECONDITION);
    EXPECT_STREQ(governor_last_error(), "");
  }).join();
}

TEST_F(CApiTest, TooManyTagsIsARefusalWithoutNumbers) {
  for (const char* name : {"kv", "prefix"}) {  // which the other tests need
    ASSERT_EQ(governor_tag_push(name), GOVERNOR_OK);
    ASSERT_EQ(governor_tag_pop(), GOVERNOR_OK);
  }
  governor_code_t code = GOVERNOR_OK;
  int pushed = 0;
  for (; code == GOVERNOR_OK; pushed += code == GOVERNOR_OK) {
    code = governor_tag_push(("name" + std::to_string(pushed)).c_str());
  }
  EXPECT_EQ(code, GOVERNOR_REFUSED);
  governor_refusal_t refusal;
  refusal.struct_size = sizeof refusal;
  EXPECT_EQ(governor_last_refusal(&refusal), GOVERNOR_FAILED_PRECONDITION);
  while (pushed-- > 0) EXPECT_EQ(governor_tag_pop(), GOVERNOR_OK);
}

TEST_F(CApiTest, TagsAreCheckedAndBelongToTheirThread) {
  EXPECT_EQ(governor_tag_pop(), GOVERNOR_FAILED_PRECONDITION);
  EXPECT_EQ(governor_tag_push(nullptr), GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_tag_push(""), GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_tag_push("two\nlines"), GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_tag_push(std::string(64, 'x').c_str()),
            GOVERNOR_INVALID_ARGUMENT);

  ASSERT_EQ(governor_tag_push("kv"), GOVERNOR_OK);
  std::thread([] {
    EXPECT_EQ(governor_tag_pop(), GOVERNOR_FAILED_PRECONDITION);
  }).join();
  EXPECT_EQ(governor_tag_pop(), GOVERNOR_OK);
}

TEST_F(CApiTest, LeaseHoldsBytesUntilItIsReleased) {
  governor_lease_t* lease = nullptr;
  ASSERT_EQ(governor_lease_acquire(governor_, 5 * kMiB, 0, &lease),
            GOVERNOR_OK);
  size_t size = 0;
  EXPECT_EQ(governor_lease_size(lease, &size), GOVERNOR_OK);
  EXPECT_EQ(size, 5 * kMiB);
  EXPECT_EQ(Free(), kBudget - kAllowance - 5 * kMiB);
  EXPECT_EQ(governor_lease_release(lease), GOVERNOR_OK);
  EXPECT_EQ(Free(), kBudget - kAllowance);

  EXPECT_EQ(governor_lease_release(lease), GOVERNOR_FAILED_PRECONDITION);
  EXPECT_EQ(governor_lease_size(lease, &size), GOVERNOR_FAILED_PRECONDITION);
}

TEST_F(CApiTest, LeaseWaitsForWhatAnotherThreadReleases) {
  governor_lease_t* first = nullptr;
  ASSERT_EQ(governor_lease_acquire(governor_, kBudget - kAllowance, 0, &first),
            GOVERNOR_OK);
  std::thread waiter([this] {
    governor_lease_t* second = nullptr;
    EXPECT_EQ(governor_lease_acquire(governor_, kMiB, HUGE_VAL, &second),
              GOVERNOR_OK)
        << governor_last_error();
    EXPECT_EQ(governor_lease_release(second), GOVERNOR_OK);
  });
  EXPECT_EQ(governor_lease_release(first), GOVERNOR_OK);
  waiter.join();
}

TEST_F(CApiTest, RefusesDeadlinesThatAreNone) {
  governor_lease_t* lease = nullptr;
  for (double deadline : {-1.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(governor_lease_acquire(governor_, 1, deadline, &lease),
              GOVERNOR_INVALID_ARGUMENT);
    EXPECT_EQ(governor_region_commit(region_, 0, 1, deadline),
              GOVERNOR_INVALID_ARGUMENT);
  }
  EXPECT_EQ(lease, nullptr);
}

TEST_F(CApiTest, SnapshotAddsUp) {
  ASSERT_EQ(governor_region_commit(region_, 0, 4, 0), GOVERNOR_OK);
  ASSERT_EQ(governor_region_decommit(region_, 3, 1, 1), GOVERNOR_OK);
  governor_snapshot_t s;
  s.struct_size = sizeof s;
  ASSERT_EQ(governor_snapshot(governor_, &s), GOVERNOR_OK);
  EXPECT_EQ(s.total_bytes, 256 * kMiB);
  EXPECT_EQ(s.total_bytes, s.governed_bytes + s.unmanaged_bytes +
                               s.other_processes_bytes + s.os_bytes +
                               s.evictable_bytes + s.free_bytes);
  EXPECT_EQ(s.governed_bytes, 4 * kBlock);
  EXPECT_EQ(s.unmanaged_bytes, 8 * kMiB);
  EXPECT_EQ(s.estimated, 0);
  EXPECT_EQ(s.budget_bytes, kBudget);
  EXPECT_EQ(s.granted_bytes, 4 * kBlock);
  EXPECT_EQ(s.peak_granted_bytes, 4 * kBlock);
  EXPECT_EQ(s.cached_bytes, kBlock);
  EXPECT_EQ(s.allowance_bytes, kAllowance);
  EXPECT_EQ(s.debt_bytes, 0);
  EXPECT_EQ(s.headroom_bytes, kBudget - kAllowance - 4 * kBlock);
  EXPECT_GT(s.floor_bytes, 0);
}

TEST_F(CApiTest, NullsAreErrors) {
  void* address = nullptr;
  size_t size = 0;
  int flag = 0;
  governor_region_t* region = nullptr;
  governor_lease_t* lease = nullptr;
  governor_snapshot_t snapshot;
  snapshot.struct_size = sizeof snapshot;
  for (governor_code_t code : {
           governor_open(nullptr, nullptr),
           governor_close(nullptr),
           governor_mem_get_info(nullptr, &size, &size),
           governor_mem_get_info(governor_, nullptr, &size),
           governor_mem_get_info(governor_, &size, nullptr),
           governor_snapshot(nullptr, &snapshot),
           governor_snapshot(governor_, nullptr),
           governor_last_refusal(nullptr),
           governor_region_create(nullptr, kBlock, kBlock, &region),
           governor_region_create(governor_, kBlock, kBlock, nullptr),
           governor_region_commit(nullptr, 0, 1, 0),
           governor_region_decommit(nullptr, 0, 1, 1),
           governor_region_address(nullptr, &address),
           governor_region_address(region_, nullptr),
           governor_region_num_blocks(nullptr, &size),
           governor_region_num_blocks(region_, nullptr),
           governor_region_resident(nullptr, &size),
           governor_region_resident(region_, nullptr),
           governor_region_is_committed(nullptr, 0, &flag),
           governor_region_is_committed(region_, 0, nullptr),
           governor_region_close(nullptr),
           governor_lease_acquire(nullptr, 1, 0, &lease),
           governor_lease_acquire(governor_, 1, 0, nullptr),
           governor_lease_size(nullptr, &size),
           governor_lease_release(nullptr),
       }) {
    EXPECT_EQ(code, GOVERNOR_INVALID_ARGUMENT);
  }
  EXPECT_EQ(Free(), kBudget - kAllowance);
}

TEST_F(CApiTest, WrongBlocksChangeNothing) {
  const size_t kMax = std::numeric_limits<size_t>::max();
  ASSERT_EQ(governor_region_commit(region_, 1, 1, 0), GOVERNOR_OK);
  EXPECT_EQ(governor_region_commit(region_, 0, 2, 0),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_region_commit(region_, 0, 0, 0),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_region_commit(region_, 127, 2, 0),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_region_commit(region_, 2, kMax, 0),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_region_decommit(region_, 0, 2, 1),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_region_decommit(region_, kMax, kMax, 1),
            GOVERNOR_INVALID_ARGUMENT);
  int is_committed = -1;
  EXPECT_EQ(governor_region_is_committed(region_, 128, &is_committed),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(is_committed, -1);
  EXPECT_EQ(Resident(), kBlock);
}

TEST_F(CApiTest, WrongRegionsAndLeasesHoldNothing) {
  governor_region_t* region = nullptr;
  EXPECT_EQ(governor_region_create(governor_, 0, kBlock, &region),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_region_create(governor_, kBlock, 0, &region),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(governor_region_create(governor_, kBlock, kBlock - 1, &region),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(region, nullptr);
  governor_lease_t* lease = nullptr;
  EXPECT_EQ(governor_lease_acquire(governor_, 0, 0, &lease),
            GOVERNOR_INVALID_ARGUMENT);
  EXPECT_EQ(lease, nullptr);
}

TEST_F(CApiTest, CloseWaitsForWhatIsOut) {
  ASSERT_EQ(governor_region_commit(region_, 0, 1, 0), GOVERNOR_OK);
  EXPECT_EQ(governor_close(governor_), GOVERNOR_FAILED_PRECONDITION);
  EXPECT_EQ(governor_region_commit(region_, 1, 1, 0), GOVERNOR_OK);
}

TEST_F(CApiTest, ClosedHandlesAreErrorsForEver) {
  governor_options_t options = SmallHost();
  governor_t* governor = nullptr;
  governor_region_t* region = nullptr;
  ASSERT_EQ(governor_open(&options, &governor), GOVERNOR_OK);
  ASSERT_EQ(governor_region_create(governor, kBlock, kBlock, &region),
            GOVERNOR_OK);
  // A region may outlive its governor: then it can only be closed.
  ASSERT_EQ(governor_close(governor), GOVERNOR_OK);
  EXPECT_EQ(governor_region_commit(region, 0, 1, 0),
            GOVERNOR_FAILED_PRECONDITION);
  EXPECT_EQ(governor_region_close(region), GOVERNOR_OK);

  size_t size = 0;
  void* address = nullptr;
  int flag = 0;
  governor_lease_t* lease = nullptr;
  governor_region_t* new_region = nullptr;
  governor_snapshot_t snapshot;
  snapshot.struct_size = sizeof snapshot;
  for (governor_code_t code : {
           governor_close(governor),
           governor_mem_get_info(governor, &size, &size),
           governor_snapshot(governor, &snapshot),
           governor_region_create(governor, kBlock, kBlock, &new_region),
           governor_lease_acquire(governor, 1, 0, &lease),
           governor_region_commit(region, 0, 1, 0),
           governor_region_decommit(region, 0, 1, 1),
           governor_region_address(region, &address),
           governor_region_num_blocks(region, &size),
           governor_region_resident(region, &size),
           governor_region_is_committed(region, 0, &flag),
           governor_region_close(region),
           // A handle of another kind is no handle either.
           governor_close(reinterpret_cast<governor_t*>(region_)),
       }) {
    EXPECT_EQ(code, GOVERNOR_FAILED_PRECONDITION) << governor_last_error();
  }
}

TEST_F(CApiTest, AForkedChildOwnsNothingAndCanOpenItsOwn) {
  ASSERT_EQ(governor_region_commit(region_, 0, 1, 0), GOVERNOR_OK);
  governor_lease_t* lease = nullptr;
  ASSERT_EQ(governor_lease_acquire(governor_, kMiB, 0, &lease), GOVERNOR_OK);
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    size_t size = 0;
    int failures = 0;
    for (governor_code_t code : {
             governor_mem_get_info(governor_, &size, &size),
             governor_region_commit(region_, 1, 1, 0),
             governor_region_decommit(region_, 0, 1, 1),
             governor_region_close(region_),
             governor_lease_release(lease),
             governor_close(governor_),
         }) {
      failures += code != GOVERNOR_FAILED_PRECONDITION;
    }
    failures += std::strstr(governor_last_error(), "child") == nullptr;
    const governor_options_t options = SmallHost();
    governor_t* own = nullptr;
    failures += governor_open(&options, &own) != GOVERNOR_OK;
    failures += governor_close(own) != GOVERNOR_OK;
    _exit(failures);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Resident(), kBlock);
  EXPECT_EQ(governor_lease_release(lease), GOVERNOR_OK);
}

TEST_F(CApiTest, ThreadsNeverPassTheBudget) {
  std::atomic<int> committed{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 8; ++i) {
    threads.emplace_back([this, i, &committed] {
      for (size_t round = 0; round < 100; ++round) {
        const size_t block = 14 * i + round % 16;
        const governor_code_t code =
            governor_region_commit(region_, block, 8, 0);
        if (code == GOVERNOR_OK) {
          ++committed;
          EXPECT_EQ(governor_region_decommit(region_, block, 8, 1),
                    GOVERNOR_OK);
        } else {
          // Short, or a neighbour is at one of the blocks or has it.
          EXPECT_TRUE(code == GOVERNOR_REFUSED ||
                      code == GOVERNOR_FAILED_PRECONDITION ||
                      code == GOVERNOR_INVALID_ARGUMENT)
              << governor_last_error();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(committed, 0);
  governor_snapshot_t snapshot;
  snapshot.struct_size = sizeof snapshot;
  ASSERT_EQ(governor_snapshot(governor_, &snapshot), GOVERNOR_OK);
  EXPECT_LE(snapshot.peak_granted_bytes + kAllowance, kBudget);
}

TEST(CApiOpenTest, NamesTheOptionThatIsWrong) {
  governor_t* governor = nullptr;
  const auto error_of = [&governor](auto change) -> std::string {
    governor_options_t options = SmallHost();
    change(options);
    EXPECT_EQ(governor_open(&options, &governor), GOVERNOR_INVALID_ARGUMENT);
    EXPECT_EQ(governor, nullptr);
    return governor_last_error();
  };
  using Options = governor_options_t;
  EXPECT_THAT(error_of([](Options& o) { o.budget = "24G"; }),
              HasSubstr("budget"));
  EXPECT_THAT(error_of([](Options& o) { o.os_reserve = "-1"; }),
              HasSubstr("os_reserve"));
  EXPECT_THAT(error_of([](Options& o) { o.allowance = ""; }),
              HasSubstr("allowance"));
  EXPECT_THAT(error_of([](Options& o) { o.driver = "metal"; }),
              HasSubstr("driver"));
  EXPECT_THAT(error_of([](Options& o) { o.host_driver = "tpu"; }),
              HasSubstr("tpu"));
  EXPECT_THAT(error_of([](Options& o) { o.budget = "1TiB"; }),
              HasSubstr("budget"));
  EXPECT_THAT(error_of([](Options& o) { o.device = 7; }), Not(IsEmpty()));
  EXPECT_THAT(error_of([](Options& o) { o.struct_size = 0; }),
              HasSubstr("struct_size"));
}

TEST(CApiOpenTest, ReadsTheEnvironmentWhereNothingIsGiven) {
  setenv("GOVERNOR_DRIVER", "host", 1);
  setenv("GOVERNOR_HOST_DRIVER", "gb10,memory=512MiB,context=8MiB", 1);
  setenv("GOVERNOR_BUDGET", "48MiB", 1);
  setenv("GOVERNOR_ALLOWANCE", "8MiB", 1);
  governor_t* governor = nullptr;
  ASSERT_EQ(governor_open(nullptr, &governor), GOVERNOR_OK)
      << governor_last_error();
  size_t free = 0;
  size_t total = 0;
  EXPECT_EQ(governor_mem_get_info(governor, &free, &total), GOVERNOR_OK);
  EXPECT_EQ(free, 40 * kMiB);
  EXPECT_EQ(total, 48 * kMiB);
  EXPECT_EQ(governor_close(governor), GOVERNOR_OK);

  // Arguments win.
  governor_options_t options = GOVERNOR_OPTIONS_INIT;
  options.budget = "32MiB";
  ASSERT_EQ(governor_open(&options, &governor), GOVERNOR_OK);
  EXPECT_EQ(governor_mem_get_info(governor, &free, &total), GOVERNOR_OK);
  EXPECT_EQ(total, 32 * kMiB);
  EXPECT_EQ(governor_close(governor), GOVERNOR_OK);

  setenv("GOVERNOR_BUDGET", "lots", 1);
  EXPECT_EQ(governor_open(&options, &governor), GOVERNOR_INVALID_ARGUMENT);
  EXPECT_THAT(governor_last_error(), HasSubstr("GOVERNOR_BUDGET"));
  for (const char* name : {"GOVERNOR_DRIVER", "GOVERNOR_HOST_DRIVER",
                           "GOVERNOR_BUDGET", "GOVERNOR_ALLOWANCE"}) {
    unsetenv(name);
  }
}

TEST(CApiOpenTest, CodesHaveNames) {
  EXPECT_STREQ(governor_code_name(GOVERNOR_OK), "GOVERNOR_OK");
  EXPECT_STREQ(governor_code_name(GOVERNOR_REFUSED), "GOVERNOR_REFUSED");
  EXPECT_STREQ(governor_code_name(static_cast<governor_code_t>(7)),
               "GOVERNOR_?");
}

}  // namespace
