#include "governor/driver/host_driver/host_driver.h"

#include <sys/wait.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

Personality Small() {
  return ParsePersonality("gb10,memory=64MiB,context=1MiB", GiB(8)).value();
}

TEST(HostDriverCreateTest, RefusesABadPersonality) {
  Personality personality = Small();
  personality.granularity = MiB(3);
  EXPECT_EQ(HostDriver::Create(personality).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(HostDriver::Create(Personality()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Instances live side by side and know nothing of each other.
TEST(HostDriverCreateTest, KeepsInstancesApart) {
  std::vector<std::unique_ptr<HostDriver>> drivers;
  for (int i = 0; i < HostDriver::kMaxInstances; ++i) {
    drivers.push_back(HostDriver::Create(Small()).value());
  }
  EXPECT_EQ(HostDriver::Create(Small()).status().code(),
            absl::StatusCode::kResourceExhausted);

  int count = 0;
  EXPECT_EQ(drivers[3]->api().Init(0), CUDA_SUCCESS);
  EXPECT_EQ(drivers[3]->api().DeviceGetCount(&count), CUDA_SUCCESS);
  EXPECT_EQ(drivers[4]->api().DeviceGetCount(&count),
            CUDA_ERROR_NOT_INITIALIZED);
  EXPECT_EQ(drivers[3]->total_calls(), 2u);
  EXPECT_EQ(drivers[4]->total_calls(), 1u);
  CUcontext context = nullptr;
  EXPECT_EQ(drivers[4]->api().Init(0), CUDA_SUCCESS);
  EXPECT_EQ(drivers[3]->api().DevicePrimaryCtxRetain(&context, 0),
            CUDA_SUCCESS);
  EXPECT_EQ(drivers[3]->api().CtxSetCurrent(context), CUDA_SUCCESS);
  EXPECT_EQ(drivers[4]->api().CtxSetCurrent(context),
            CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(drivers[4]->api().CtxSynchronize(), CUDA_ERROR_INVALID_CONTEXT);

  drivers[5].reset();
  drivers[5] = HostDriver::Create(Small()).value();
  EXPECT_EQ(drivers[5]->total_calls(), 0u);
}

TEST(HostDriverCreateTest, FillsEveryField) {
  const auto driver = HostDriver::Create(Small()).value();
  std::set<const void*> functions;
#define GOVERNOR_EXPECT(field, symbol)                \
  EXPECT_NE(driver->api().field, nullptr) << #symbol; \
  functions.insert(reinterpret_cast<const void*>(driver->api().field));
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_EXPECT)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_EXPECT)
#undef GOVERNOR_EXPECT
  EXPECT_EQ(functions.size(), kDriverCallCount);
}

TEST(HostDriverDestroyTest, LeavesFunctionsThatSayNo) {
  auto driver = HostDriver::Create(Small()).value();
  const DriverApi api = driver->api();
  ASSERT_EQ(api.Init(0), CUDA_SUCCESS);
  driver.reset();
  int count = 0;
  EXPECT_EQ(api.Init(0), CUDA_ERROR_DEINITIALIZED);
  EXPECT_EQ(api.DeviceGetCount(&count), CUDA_ERROR_DEINITIALIZED);
}

// All that a caller forgot goes with the driver: the leak checker of the
// sanitizer build watches the objects, this test the addresses.
TEST(HostDriverDestroyTest, FreesWhatIsLeft) {
  class Leaky : public HostDriverTest {
   public:
    Leaky() : HostDriverTest() {
      linear_ = NewLinear(1 << 20);
      base_ = Reserve(2 * kBlock);
      Commit(base_);
    }
    void TestBody() override {}
    CUdeviceptr linear_, base_;
  };
  CUdeviceptr linear = 0, base = 0;
  {
    const Leaky leaky;
    linear = leaky.linear_;
    base = leaky.base_;
    EXPECT_TRUE(CpuCanRead(linear));
    EXPECT_TRUE(CpuCanRead(base));
  }
  EXPECT_FALSE(CpuCanRead(linear));
  EXPECT_FALSE(CpuCanRead(base));
}

// A driver in the slot of another one inherits no current context.
TEST(HostDriverDestroyTest, TakesItsCurrentContextAlong) {
  const auto make_current = [] {
    const auto driver = HostDriver::Create(Small()).value();
    CUcontext before = nullptr, context = nullptr;
    EXPECT_EQ(driver->api().Init(0), CUDA_SUCCESS);
    EXPECT_EQ(driver->api().CtxGetCurrent(&before), CUDA_SUCCESS);
    EXPECT_EQ(driver->api().DevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    EXPECT_EQ(driver->api().CtxSetCurrent(context), CUDA_SUCCESS);
    return before;
  };
  EXPECT_EQ(make_current(), nullptr);
  EXPECT_EQ(make_current(), nullptr);
}

TEST_F(HostDriverTest, CountsCallsThatFailToo) {
  const uint64_t before = driver_->total_calls();
  const uint64_t created = driver_->calls(DriverCall::kMemCreate);
  NewChunk();
  EXPECT_EQ(api_.MemCreate(nullptr, 0, nullptr, 0), CUDA_ERROR_INVALID_VALUE);
  driver_->faults().FailNth(DriverCall::kMemCreate, 1, CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(api_.MemCreate(nullptr, 0, nullptr, 0), CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(driver_->calls(DriverCall::kMemCreate), created + 3);
  EXPECT_EQ(driver_->calls(DriverCall::kMemMap), 0u);
  EXPECT_EQ(driver_->total_calls(), before + 3);
  EXPECT_EQ(Name(DriverCall::kMemGetInfo), "cuMemGetInfo_v2");
  EXPECT_EQ(Name(DriverCall::kGetProcAddress), "cuGetProcAddress_v2");
}

// The scenario touches one object of each kind, so that a call that fails and
// did something all the same is seen in the books. The n-th call fails, for
// each n in turn.
TEST_F(HostDriverTest, AFailedCallHasNoEffect) {
  const CUmemAllocationProp properties = PlainProperties();
  const CUmemAccessDesc access = Access(CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
  CUmemGenericAllocationHandle chunk = 0, again = 0;
  CUdeviceptr base = 0, linear = 0;
  CUstream stream = nullptr;
  CUevent event = nullptr;
  CUcontext context = nullptr;
  uint32_t word = 7;
  const std::vector<std::function<CUresult()>> scenario = {
      [&] { return api_.MemAddressReserve(&base, kBlock, 0, 0, 0); },
      [&] { return api_.MemCreate(&chunk, kBlock, &properties, 0); },
      [&] { return api_.MemMap(base, kBlock, 0, chunk, 0); },
      [&] { return api_.MemSetAccess(base, kBlock, &access, 1); },
      [&] { return api_.MemsetD32(base, 42, 1); },
      [&] { return api_.MemcpyDtoH(&word, base, 4); },
      [&] {
        return api_.MemRetainAllocationHandle(&again,
                                              reinterpret_cast<void*>(base));
      },
      [&] { return api_.MemRelease(chunk); },
      [&] { return api_.MemRelease(again); },
      [&] { return api_.MemAlloc(&linear, 100); },
      [&] { return api_.StreamCreate(&stream, 0); },
      [&] { return api_.EventCreate(&event, 0); },
      [&] { return api_.EventDestroy(event); },
      [&] { return api_.StreamDestroy(stream); },
      [&] { return api_.MemFree(linear); },
      [&] { return api_.DevicePrimaryCtxRetain(&context, 0); },
      [&] { return api_.CtxPushCurrent(context); },
      [&] { return api_.CtxPopCurrent(nullptr); },
      [&] { return api_.DevicePrimaryCtxRelease(0); },
      [&] { return api_.MemUnmap(base, kBlock); },
      [&] { return api_.MemAddressFree(base, kBlock); },
  };
  const LiveObjects nothing = driver_->live_objects();
  for (const auto& step : scenario) {
    const LiveObjects live = driver_->live_objects();
    const Bytes physical = driver_->physical_bytes();
    const Bytes free = Free();
    driver_->faults().FailNthCall(1, CUDA_ERROR_UNKNOWN);
    ASSERT_EQ(step(), CUDA_ERROR_UNKNOWN);
    EXPECT_EQ(driver_->live_objects(), live);
    EXPECT_EQ(driver_->physical_bytes(), physical);
    EXPECT_EQ(Free(), free);
    ASSERT_EQ(step(), CUDA_SUCCESS);
  }
  EXPECT_EQ(word, 42u);
  EXPECT_EQ(driver_->live_objects(), nothing);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(driver_->physical_high_water(),
            Bytes(kBlock + sysconf(_SC_PAGESIZE)));
}

// Every row of the list can be made to fail, and answers so.
TEST_F(HostDriverTest, EachCallFailsOnDemand) {
  int failed = 0;
  const auto expect = [&](DriverCall kind, auto function) {
    driver_->faults().FailNth(kind, 1, CUDA_ERROR_SYSTEM_NOT_READY);
    const auto with_nothing = []<typename... Args>(CUresult (*f)(Args...)) {
      return f(Args{}...);
    };
    EXPECT_EQ(with_nothing(function), CUDA_ERROR_SYSTEM_NOT_READY)
        << Name(kind);
    ++failed;
  };
#define GOVERNOR_EXPECT(field, symbol) expect(DriverCall::k##field, api_.field);
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_EXPECT)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_EXPECT)
#undef GOVERNOR_EXPECT
  EXPECT_EQ(failed, kDriverCallCount);
}

TEST_F(HostDriverTest, SticksToAnError) {
  driver_->faults().Stick(CUDA_ERROR_ILLEGAL_ADDRESS);
  int number = 0;
  const char* text = nullptr;
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(api_.MemRelease(1), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(api_.Init(0), CUDA_ERROR_ILLEGAL_ADDRESS);
  EXPECT_EQ(api_.DriverGetVersion(&number), CUDA_SUCCESS);
  EXPECT_EQ(api_.GetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text), CUDA_SUCCESS);
  EXPECT_EQ(api_.GetErrorString(CUDA_ERROR_ILLEGAL_ADDRESS, &text),
            CUDA_SUCCESS);
  driver_->faults().Clear();
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_SUCCESS);
}

// Runs `body` in a forked child; true when it returned true there.
bool InChild(const std::function<bool()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_F(HostDriverTest, AForkedChildMakesNoCalls) {
  const uint64_t calls = driver_->total_calls();
  EXPECT_TRUE(InChild([this] {
    int number = 0;
    const char* text = nullptr;
    CUdeviceptr address = 0;
    return api_.Init(0) == CUDA_ERROR_NOT_INITIALIZED &&
           api_.DeviceGetCount(&number) == CUDA_ERROR_NOT_INITIALIZED &&
           api_.CtxSynchronize() == CUDA_ERROR_NOT_INITIALIZED &&
           api_.MemAlloc(&address, 4) == CUDA_ERROR_NOT_INITIALIZED &&
           api_.MemRelease(5) == CUDA_ERROR_NOT_INITIALIZED &&
           // As measured: constants are told even there.
           api_.DriverGetVersion(&number) == CUDA_SUCCESS &&
           api_.GetErrorName(CUDA_SUCCESS, &text) == CUDA_SUCCESS;
  }));
  EXPECT_EQ(driver_->total_calls(), calls);
  EXPECT_EQ(api_.CtxSynchronize(), CUDA_SUCCESS);
}

// A child shares the parent's pages, and locks that threads of the parent may
// hold. Its destructor leaves all as it is.
TEST_F(HostDriverTest, AForkedChildDestroysNothing) {
  const CUdeviceptr base = Reserve(kBlock);
  Commit(base);
  ASSERT_EQ(api_.MemsetD32(base, 42, kBlock / 4), CUDA_SUCCESS);
  EXPECT_TRUE(InChild([this, base] {
    driver_.reset();
    return api_.CtxSynchronize() == CUDA_ERROR_NOT_INITIALIZED &&
           CpuCanRead(base);
  }));
  EXPECT_EQ(Read(base + kBlock - 4), 42u);
}

TEST_F(HostDriverTest, AForkedChildMayHaveADriverOfItsOwn) {
  EXPECT_TRUE(InChild([] {
    const auto driver = HostDriver::Create(Small());
    return driver.ok() && (*driver)->api().Init(0) == CUDA_SUCCESS;
  }));
}

// As drivers from 590 on: what is released is not free at once.
TEST(HostDriverKeepsTest, ReleasedPagesUntilTheShrinkerRuns) {
  const auto driver =
      HostDriver::Create(
          *ParsePersonality("gb10,memory=1GiB,context=16MiB,pools=on", GiB(8)))
          .value();
  const DriverApi& api = driver->api();
  CUcontext context = nullptr;
  ASSERT_EQ(api.Init(0), CUDA_SUCCESS);
  ASSERT_EQ(api.DevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
  ASSERT_EQ(api.CtxSetCurrent(context), CUDA_SUCCESS);
  size_t before = 0, after = 0, total = 0;
  ASSERT_EQ(api.MemGetInfo(&before, &total), CUDA_SUCCESS);
  const CUmemAllocationProp properties = PlainProperties();
  CUmemGenericAllocationHandle chunk = 0;
  ASSERT_EQ(api.MemCreate(&chunk, 64 << 20, &properties, 0), CUDA_SUCCESS);
  ASSERT_EQ(api.MemRelease(chunk), CUDA_SUCCESS);
  EXPECT_EQ(driver->physical_bytes(), Bytes());
  EXPECT_EQ(driver->kept_bytes(), MiB(64));
  ASSERT_EQ(api.MemGetInfo(&after, &total), CUDA_SUCCESS);
  EXPECT_EQ(before - after, size_t{64} << 20);
  driver->RunShrinker();
  EXPECT_EQ(driver->kept_bytes(), Bytes());
  ASSERT_EQ(api.MemGetInfo(&after, &total), CUDA_SUCCESS);
  EXPECT_EQ(before, after);
}

// As on integrated hardware: what was created is taken from the machine.
TEST(HostDriverPagesTest, AreTheMachinesAtOnceOrWhenTouched) {
  for (const bool now : {false, true}) {
    const auto driver =
        HostDriver::Create(
            *ParsePersonality(std::string("gb10,memory=1GiB,context=16MiB") +
                                  (now ? ",pages=now" : ",pages=touched"),
                              GiB(8)))
            .value();
    const DriverApi& api = driver->api();
    CUcontext context = nullptr;
    ASSERT_EQ(api.Init(0), CUDA_SUCCESS);
    ASSERT_EQ(api.DevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    ASSERT_EQ(api.CtxSetCurrent(context), CUDA_SUCCESS);
    EXPECT_EQ(driver->host_resident_bytes(), Bytes());
    const CUmemAllocationProp properties = PlainProperties();
    CUmemGenericAllocationHandle chunk = 0;
    ASSERT_EQ(api.MemCreate(&chunk, 32 << 20, &properties, 0), CUDA_SUCCESS);
    EXPECT_EQ(driver->host_resident_bytes(), now ? MiB(32) : Bytes());
    CUdeviceptr linear = 0;
    ASSERT_EQ(api.MemAlloc(&linear, 8 << 20), CUDA_SUCCESS);
    EXPECT_EQ(driver->host_resident_bytes(), now ? MiB(40) : Bytes());
    ASSERT_EQ(api.MemsetD8(linear, 1, 4 << 20), CUDA_SUCCESS);
    EXPECT_EQ(driver->host_resident_bytes(), now ? MiB(40) : MiB(4));
    EXPECT_EQ(driver->physical_bytes(), MiB(40));
    ASSERT_EQ(api.MemRelease(chunk), CUDA_SUCCESS);
    ASSERT_EQ(api.MemFree(linear), CUDA_SUCCESS);
    EXPECT_EQ(driver->host_resident_bytes(), Bytes());
  }
}

}  // namespace
}  // namespace governor
