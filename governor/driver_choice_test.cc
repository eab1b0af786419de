#include "governor/driver_choice.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <semaphore>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "governor/driver/cuda_status.h"
#include "governor/driver/driver_loader.h"
#include "gtest/gtest.h"

namespace {

// While `stops`, whoever makes a host driver's memory stops in the middle.
std::atomic<bool> stops{false};
std::binary_semaphore is_inside{0};
std::binary_semaphore may_leave{0};

}  // namespace

// Stands before the C library's.
extern "C" int memfd_create(const char* name, unsigned int flags) noexcept {
  if (stops.exchange(false)) {
    is_inside.release();
    may_leave.acquire();
  }
  return static_cast<int>(syscall(SYS_memfd_create, name, flags));
}

namespace governor {
namespace {

using absl::StatusCode;

constexpr char kMachine[] = "gb10,memory=1GiB,context=0";

TEST(DriverChoiceTest, ParsesNamesAndNothingElse) {
  EXPECT_EQ(ParseDriverChoice("auto").value(), DriverChoice::kAuto);
  EXPECT_EQ(ParseDriverChoice("cuda").value(), DriverChoice::kCuda);
  EXPECT_EQ(ParseDriverChoice("host").value(), DriverChoice::kHost);
  for (const char* text : {"", "CUDA", "host ", "nvidia"}) {
    EXPECT_EQ(ParseDriverChoice(text).status().code(),
              StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(DriverChoiceTest, SharesTheHostDriverOfOnePersonality) {
  const OpenDriver one = *Open(DriverChoice::kHost, kMachine);
  EXPECT_EQ(Open(DriverChoice::kHost, kMachine)->host, one.host);
  EXPECT_NE(Open(DriverChoice::kHost, "gb10,memory=2GiB")->host, one.host);
}

// A libcuda of which this or that call fails, played by a host driver.
class FaultyCudaTest : public testing::Test {
 protected:
  CudaSource Cuda() {
    return [this] { return driver_->api(); };
  }

  FaultPlan& faults() { return driver_->faults(); }

  void ExpectUnusable(const CudaSource& cuda, StatusCode code,
                      const std::string& part) {
    for (const DriverChoice choice :
         {DriverChoice::kAuto, DriverChoice::kCuda}) {
      const absl::Status status = Open(choice, kMachine, cuda).status();
      EXPECT_EQ(status.code(), code) << status;
      EXPECT_TRUE(absl::StrContains(status.message(), part)) << status;
      EXPECT_TRUE(absl::StrContains(status.message(), "driver=\"host\""));
    }
    std::string why_host;
    const absl::StatusOr<OpenDriver> open =
        OpenOrHost(DriverChoice::kAuto, kMachine, &why_host, cuda);
    ASSERT_TRUE(open.ok()) << open.status();
    EXPECT_NE(open->host, nullptr);
    EXPECT_TRUE(absl::StrContains(why_host, part)) << why_host;
    // Asked for by name, it must be CUDA.
    EXPECT_EQ(OpenOrHost(DriverChoice::kCuda, kMachine, &why_host, cuda)
                  .status()
                  .code(),
              code);
  }

  std::unique_ptr<HostDriver> driver_ =
      *HostDriver::Create(*ParsePersonality(kMachine, GiB(1)));
};

TEST_F(FaultyCudaTest, IsCudaWhereADeviceAnswers) {
  std::string why_host;
  for (const DriverChoice choice : {DriverChoice::kAuto, DriverChoice::kCuda}) {
    EXPECT_EQ(Open(choice, kMachine, Cuda())->host, nullptr);
    EXPECT_EQ(OpenOrHost(choice, kMachine, &why_host, Cuda())->host, nullptr);
  }
  EXPECT_EQ(why_host, "");
}

TEST_F(FaultyCudaTest, IsUnavailableWhateverCuInitAnswers) {
  for (const int result : {999, 304, 3, 100, 2, 1, 801, 803}) {
    faults().Clear();
    faults().FailFrom(DriverCall::kInit, 1, static_cast<CUresult>(result));
    ExpectUnusable(Cuda(), StatusCode::kUnavailable, std::to_string(result));
    EXPECT_EQ(
        CudaResultOf(Open(DriverChoice::kCuda, kMachine, Cuda()).status()),
        static_cast<CUresult>(result));
  }
}

TEST_F(FaultyCudaTest, IsUnavailableWhereNoDeviceAnswers) {
  for (const DriverCall call :
       {DriverCall::kDeviceGetCount, DriverCall::kDeviceGet,
        DriverCall::kDeviceTotalMem}) {
    faults().Clear();
    faults().FailFrom(call, 1, CUDA_ERROR_UNKNOWN);
    ExpectUnusable(Cuda(), StatusCode::kUnavailable, "999");
  }
}

TEST_F(FaultyCudaTest, IsUnavailableWithoutTheLibrary) {
  const CudaSource none = [] {
    return LoadDriver({.library = "libnosuchdriver.so.7"});
  };
  ExpectUnusable(none, StatusCode::kUnavailable, "libnosuchdriver.so.7");
  EXPECT_EQ(DriverProblemOf(Open(DriverChoice::kCuda, "", none).status()),
            DriverProblem::kNoLibrary);
  // As cuDriverGetVersion may answer LoadDriver.
  ExpectUnusable(
      [] { return CudaStatus(CUDA_ERROR_UNKNOWN, "cuDriverGetVersion"); },
      StatusCode::kUnavailable, "999");
}

TEST_F(FaultyCudaTest, IsUnimplementedWhereSymbolsLack) {
  const CudaSource foreign = [] {
    return LoadDriver({.library = "libm.so.6"});
  };
  ExpectUnusable(foreign, StatusCode::kUnimplemented, "cuDriverGetVersion");
  EXPECT_EQ(DriverProblemOf(Open(DriverChoice::kCuda, "", foreign).status()),
            DriverProblem::kSymbolMissing);
}

// The child has the lock that another thread held, but not the thread.
TEST(DriverChoiceForkTest, AChildOpensWhileItsParentWasOpening) {
  const OpenDriver before = *Open(DriverChoice::kHost, "gb10,memory=2GiB");
  stops = true;
  std::thread opening(
      [] { EXPECT_TRUE(Open(DriverChoice::kHost, kMachine).ok()); });
  is_inside.acquire();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // ends a child that waits for ever
    const absl::StatusOr<OpenDriver> own =
        Open(DriverChoice::kHost, "gb10,memory=2GiB");
    _exit(own.ok() && own->host != before.host &&
                  Open(DriverChoice::kHost, "gb10,memory=2GiB")->host ==
                      own->host
              ? 0
              : 1);
  }
  may_leave.release();
  opening.join();
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Open(DriverChoice::kHost, "gb10,memory=2GiB")->host, before.host);
}

}  // namespace
}  // namespace governor
