#include "governor/host/unmanaged_memory.h"

#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "governor/driver/host_driver/personality.h"
#include "governor/host/unmanaged_meters.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// What the NVML of these tests answers.
struct FakeNvml {
  struct Entry {
    unsigned int pid;
    unsigned long long used;
  };
  int memory_result = kNvmlSuccess;
  unsigned long long used = 0;
  int list_result = kNvmlSuccess;
  std::vector<Entry> processes;
  int users = 0;
};
FakeNvml fake;

NvmlApi FakeApi() {
  NvmlApi api;
  api.Init = [] {
    ++fake.users;
    return kNvmlSuccess;
  };
  api.Shutdown = [] {
    --fake.users;
    return kNvmlSuccess;
  };
  api.ErrorString = [](int) { return "as the test asked"; };
  api.DeviceGetHandleByUUID = [](const char*, NvmlHandle* handle) {
    *handle = reinterpret_cast<NvmlHandle>(&fake);
    return kNvmlSuccess;
  };
  api.DeviceGetMemoryInfo = [](NvmlHandle, NvmlMemory* memory) {
    memory->used = fake.used;
    return fake.memory_result;
  };
  api.DeviceGetComputeRunningProcesses = [](NvmlHandle, unsigned int* count,
                                            NvmlProcess* processes) {
    if (fake.list_result != kNvmlSuccess) return fake.list_result;
    const unsigned int room = *count;
    *count = static_cast<unsigned int>(fake.processes.size());
    if (room < *count) return kNvmlInsufficientSize;
    for (unsigned int i = 0; i < *count; ++i) {
      processes[i] = {fake.processes[i].pid, fake.processes[i].used, 0, 0};
    }
    return kNvmlSuccess;
  };
  return api;
}

class UnmanagedMemoryTest : public testing::Test {
 protected:
  void SetUp() override { fake = FakeNvml(); }

  void Start(const std::string& personality) {
    const auto parsed = ParsePersonality(personality, GiB(64));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    auto driver = HostDriver::Create(*parsed);
    ASSERT_TRUE(driver.ok()) << driver.status();
    driver_ = *std::move(driver);
    auto device = Device::Open(driver_->api(), 0);
    ASSERT_TRUE(device.ok()) << device.status();
    device_ = *device;
  }

  // The device, with the fake NVML, as a driver of another process has it.
  UnmanagedBaseline Baseline(UnmanagedMeterOptions options = {}) {
    options.nvml_library = "";
    UnmanagedBaseline baseline =
        TakeUnmanagedBaseline(*device_, std::move(options));
    auto nvml = NvmlDevice::Open(FakeApi(), device_->uuid());
    EXPECT_TRUE(nvml.ok()) << nvml.status();
    baseline.nvml = *std::move(nvml);
    ReadBaselineByNvml(baseline);
    return baseline;
  }

  std::unique_ptr<UnmanagedMeter> Meter(UnmanagedBaseline baseline) {
    auto context = PrimaryContext::Retain(*device_);
    EXPECT_TRUE(context.ok()) << context.status();
    context_ = *context;
    EXPECT_EQ(driver_->api().CtxSetCurrent(context_->handle()), CUDA_SUCCESS);
    return MakeUnmanagedMeter(context_, std::move(baseline));
  }

  CUdeviceptr Allocate(Bytes size) {
    CUdeviceptr address = 0;
    EXPECT_EQ(driver_->api().MemAlloc(&address, size.count()), CUDA_SUCCESS);
    return address;
  }

  std::unique_ptr<HostDriver> driver_;
  std::optional<Device> device_;
  std::shared_ptr<PrimaryContext> context_;
};

UnmanagedReading Require(const absl::StatusOr<UnmanagedReading>& reading) {
  EXPECT_TRUE(reading.ok()) << reading.status();
  return reading.ok() ? *reading : UnmanagedReading{};
}

class BooksTest : public UnmanagedMemoryTest,
                  public testing::WithParamInterface<const char*> {};

TEST_P(BooksTest, TellContextAndPlainAllocationsExactly) {
  Start(GetParam());
  UnmanagedMeterOptions options;
  options.host_driver = driver_.get();
  const auto meter = Meter(TakeUnmanagedBaseline(*device_, options));
  EXPECT_EQ(Require(meter->Read(Bytes())).unmanaged, MiB(512));
  const CUdeviceptr address = Allocate(MiB(777));
  const UnmanagedReading reading = Require(meter->Read(Bytes()));
  EXPECT_EQ(reading.unmanaged, MiB(512 + 777));
  EXPECT_EQ(reading.uncertainty, Bytes());
  EXPECT_EQ(reading.means, "books");

  const CUmemAllocationProp properties = device_->allocation_properties();
  CUmemGenericAllocationHandle chunk = 0;
  ASSERT_EQ(driver_->api().MemCreate(&chunk, GiB(1).count(), &properties, 0),
            CUDA_SUCCESS);
  EXPECT_EQ(Require(meter->Read(GiB(1))).unmanaged, MiB(512 + 777));
  ASSERT_EQ(driver_->api().MemRelease(chunk), CUDA_SUCCESS);
  ASSERT_EQ(driver_->api().MemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(Require(meter->Read(Bytes())).unmanaged, MiB(512));
}

INSTANTIATE_TEST_SUITE_P(Devices, BooksTest,
                         testing::Values("gb10,memory=16GiB,context=512MiB",
                                         "h200,memory=16GiB,context=512MiB"));

// On a machine with one memory what is pinned for the host is not free either.
TEST_F(UnmanagedMemoryTest, BooksOfAnIntegratedDeviceHaveWhatIsPinned) {
  Start("gb10,memory=16GiB,context=512MiB");
  UnmanagedMeterOptions options;
  options.host_driver = driver_.get();
  const auto meter = Meter(TakeUnmanagedBaseline(*device_, options));
  void* pinned = nullptr;
  ASSERT_EQ(driver_->api().MemHostAlloc(&pinned, MiB(64).count(), 0),
            CUDA_SUCCESS);
  EXPECT_EQ(Require(meter->Read(Bytes())).unmanaged, MiB(512 + 64));
  ASSERT_EQ(driver_->api().MemFreeHost(pinned), CUDA_SUCCESS);
}

// What a context holds goes with it.
TEST_F(UnmanagedMemoryTest, BooksForgetAContextThatIsReleased) {
  Start("gb10,memory=16GiB,context=512MiB");
  UnmanagedMeterOptions options;
  options.host_driver = driver_.get();
  const auto meter = Meter(TakeUnmanagedBaseline(*device_, options));
  ASSERT_TRUE(context_->Release().ok());
  EXPECT_EQ(Require(meter->Read(Bytes())).unmanaged, Bytes());
}

TEST_F(UnmanagedMemoryTest, NvmlTellsThisProcessAndTheOthers) {
  Start("h200,memory=16GiB,context=512MiB");
  fake.processes = {{1, GiB(3).count()}};
  const auto meter = Meter(Baseline());
  fake.processes.push_back(
      {static_cast<unsigned int>(getpid()), MiB(2000).count()});
  const UnmanagedReading reading = Require(meter->Read(MiB(1200)));
  EXPECT_EQ(reading.unmanaged, MiB(800));
  EXPECT_EQ(reading.uncertainty, Bytes());
  EXPECT_EQ(reading.means, "nvml");
  EXPECT_EQ(reading.other_processes, GiB(3));

  fake.processes[0].used = kNvmlNotAvailable;
  EXPECT_EQ(Require(meter->Read(MiB(1200))).other_processes, std::nullopt);
}

TEST_F(UnmanagedMemoryTest, MoreProcessesThanThereIsRoomForAreRead) {
  Start("h200,memory=16GiB,context=512MiB");
  const auto meter = Meter(Baseline());
  for (unsigned int i = 0; i < 1000; ++i) {
    fake.processes.push_back({10'000'000 + i, MiB(1).count()});
  }
  fake.processes.push_back(
      {static_cast<unsigned int>(getpid()), MiB(20).count()});
  EXPECT_EQ(Require(meter->Read(Bytes())).other_processes, MiB(1000));
}

// In a container: numbers of the host's processes, one of them ours by chance.
TEST_F(UnmanagedMemoryTest, ANumberThatWasTakenBeforeIsNotThisProcess) {
  Start("h200,memory=16GiB,context=512MiB");
  fake.processes = {{static_cast<unsigned int>(getpid()), GiB(9).count()}};
  fake.used = GiB(9).count();
  const auto meter = Meter(Baseline());
  fake.used = (GiB(9) + MiB(600)).count();
  const UnmanagedReading reading = Require(meter->Read(Bytes()));
  EXPECT_EQ(reading.means, "delta");
  EXPECT_EQ(reading.unmanaged, MiB(600));
  EXPECT_EQ(reading.uncertainty, MiB(600));
}

TEST_F(UnmanagedMemoryTest, AFigureBelowWhatIsGovernedIsNotBelieved) {
  Start("h200,memory=16GiB,context=512MiB");
  const auto meter = Meter(Baseline());
  fake.processes = {{static_cast<unsigned int>(getpid()), MiB(10).count()}};
  fake.used = MiB(1500).count();
  EXPECT_EQ(Require(meter->Read(GiB(1))).means, "delta");
}

// A container that hides processes: the device's own figure, exact while one
// process is on it.
TEST_F(UnmanagedMemoryTest, DeltaOfADiscreteDeviceIsExactWhileAlone) {
  Start("h200,memory=16GiB,context=512MiB");
  fake.used = MiB(600).count();
  const auto meter = Meter(Baseline());
  fake.processes = {{99'999'999, MiB(512).count()}};
  fake.used = MiB(600 + 512 + 777 + 1024).count();
  UnmanagedReading reading = Require(meter->Read(GiB(1)));
  EXPECT_EQ(reading.means, "delta");
  EXPECT_EQ(reading.unmanaged, MiB(512 + 777));
  EXPECT_EQ(reading.uncertainty, MiB(16));
  EXPECT_EQ(reading.other_processes, Bytes());

  fake.processes.push_back({99'999'998, MiB(5).count()});
  reading = Require(meter->Read(GiB(1)));
  EXPECT_EQ(reading.uncertainty, reading.unmanaged);
  EXPECT_EQ(reading.other_processes, std::nullopt);
}

TEST_F(UnmanagedMemoryTest, DeltaWithoutNvmlTakesTheDriversFigure) {
  Start("h200,memory=16GiB,context=512MiB");
  UnmanagedMeterOptions options;
  options.nvml_library = "no_such_nvml.so";
  const auto meter = Meter(TakeUnmanagedBaseline(*device_, options));
  const CUdeviceptr address = Allocate(MiB(777));
  const UnmanagedReading reading = Require(meter->Read(Bytes()));
  EXPECT_EQ(reading.unmanaged, MiB(512 + 777));
  EXPECT_EQ(reading.uncertainty, reading.unmanaged);
  EXPECT_EQ(reading.means, "delta");
  ASSERT_EQ(driver_->api().MemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(Require(meter->Read(Bytes())).unmanaged, MiB(512));
}

// Of the first figure more than a context is others'.
TEST_F(UnmanagedMemoryTest, WithoutNvmlWhatWasThereIsMostlyOthers) {
  Start("h200,memory=16GiB,context=5GiB");
  UnmanagedMeterOptions options;
  options.nvml_library = "";
  const auto meter = Meter(TakeUnmanagedBaseline(*device_, options));
  EXPECT_EQ(Require(meter->Read(Bytes())).unmanaged, GiB(1));
}

TEST_F(UnmanagedMemoryTest, DeltaOfAnIntegratedDeviceIsOfTheMachine) {
  Start("gb10,memory=16GiB,context=512MiB");
  fake.memory_result = kNvmlNotSupported;
  std::optional<Bytes> held = MiB(27);
  UnmanagedMeterOptions options;
  options.driver_held = [&] { return held; };
  const auto meter = Meter(Baseline(options));
  held = MiB(27 + 500 + 2048);
  const UnmanagedReading reading = Require(meter->Read(GiB(2)));
  EXPECT_EQ(reading.means, "delta");
  EXPECT_EQ(reading.unmanaged, MiB(500));
  EXPECT_EQ(reading.uncertainty, MiB(516));
  EXPECT_EQ(reading.other_processes, std::nullopt);

  held = std::nullopt;
  const absl::Status none = meter->Read(GiB(2)).status();
  EXPECT_EQ(none.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(none.message(), "/proc/meminfo")) << none;
}

TEST_F(UnmanagedMemoryTest, NoMeansIsUnavailableAndSaysWhy) {
  Start("gb10,memory=16GiB,context=512MiB");
  UnmanagedMeterOptions options;
  options.nvml_library = "no_such_nvml.so";
  const auto meter = Meter(TakeUnmanagedBaseline(*device_, options));
  const absl::Status none = meter->Read(Bytes()).status();
  EXPECT_EQ(none.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(absl::StrContains(none.message(), "no_such_nvml.so")) << none;
}

TEST_F(UnmanagedMemoryTest, NvmlIsShutDownOnce) {
  Start("h200,memory=16GiB,context=512MiB");
  {
    const auto meter = Meter(Baseline());
    EXPECT_EQ(fake.users, 1);
  }
  EXPECT_EQ(fake.users, 0);
}

TEST_F(UnmanagedMemoryTest, AForkedChildIsRefused) {
  Start("h200,memory=16GiB,context=512MiB");
  auto meter = Meter(Baseline());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool refused = meter->Read(Bytes()).status().code() ==
                         absl::StatusCode::kFailedPrecondition;
    meter.reset();
    _exit(refused && fake.users == 1 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(DriverHeldMemoryTest, IsWhatNoCounterHasLessTheListsOfCpus) {
  HostSnapshot snapshot;
  EXPECT_EQ(DriverHeldMemory(snapshot), std::nullopt);
  snapshot.meminfo.emplace();
  snapshot.meminfo->unaccounted = MiB(370);
  EXPECT_EQ(DriverHeldMemory(snapshot), std::nullopt);
  snapshot.zones.emplace();
  snapshot.zones->per_cpu = MiB(343);
  EXPECT_EQ(DriverHeldMemory(snapshot), MiB(27));
  snapshot.zones->per_cpu = MiB(400);
  EXPECT_EQ(DriverHeldMemory(snapshot), Bytes());
}

}  // namespace
}  // namespace governor
