#include <sys/wait.h>

#include <cstring>
#include <functional>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr char kPersonality[] = "h200,memory=64MiB,context=1MiB";
constexpr unsigned int kLazy = CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS;

uint64_t Page() { return sysconf(_SC_PAGESIZE); }

// Another process with a driver of its own, until `body` returns.
class OtherProcess : public HostDriverTest {
 public:
  explicit OtherProcess(absl::string_view personality = kPersonality)
      : HostDriverTest(personality) {}
  void TestBody() override {}

  using HostDriverTest::api_;
  using HostDriverTest::driver_;
  using HostDriverTest::kBlock;
  using HostDriverTest::Map;
  using HostDriverTest::Read;
  using HostDriverTest::Reserve;

  // True: no expectation in it failed.
  static bool Run(const std::function<void(OtherProcess&)>& body) {
    const pid_t child = fork();
    if (child == 0) {
      OtherProcess other;
      body(other);
      other.driver_.reset();
      _exit(::testing::Test::HasFailure() ? 1 : 0);
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
};

class IpcCallsTest : public HostDriverTest {
 protected:
  IpcCallsTest() : HostDriverTest(kPersonality) {}

  CUipcMemHandle HandleOf(CUdeviceptr address) {
    CUipcMemHandle handle = {};
    EXPECT_EQ(api_.IpcGetMemHandle(&handle, address), CUDA_SUCCESS);
    return handle;
  }
};

TEST_F(IpcCallsTest, OpensMemoryInAnotherProcess) {
  const CUdeviceptr address = NewLinear(1000);
  NewLinear(1000);
  ASSERT_EQ(api_.MemsetD32(address, 42, 250), CUDA_SUCCESS);
  const CUipcMemHandle handle = HandleOf(address);
  EXPECT_TRUE(OtherProcess::Run([&](OtherProcess& other) {
    CUdeviceptr first = 0, second = 0;
    ASSERT_EQ(other.api_.IpcOpenMemHandle(&first, handle, kLazy), CUDA_SUCCESS);
    EXPECT_EQ(other.Read(first + 996), 42u);
    EXPECT_EQ(other.api_.MemsetD8(first, 0, 1001), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(other.api_.MemsetD32(first, 7, 1), CUDA_SUCCESS);
    EXPECT_EQ(other.driver_->imported_bytes(), Bytes(Page()));
    EXPECT_EQ(other.driver_->physical_bytes(), Bytes());
    EXPECT_EQ(other.driver_->live_objects().imported_allocations, 1u);
    // Once more is the same, counted.
    ASSERT_EQ(other.api_.IpcOpenMemHandle(&second, handle, kLazy),
              CUDA_SUCCESS);
    EXPECT_EQ(second, first);
    EXPECT_EQ(other.driver_->imported_bytes(), Bytes(Page()));
    EXPECT_EQ(other.api_.MemFree(first), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(other.api_.IpcCloseMemHandle(first + 4),
              CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(other.api_.IpcCloseMemHandle(first), CUDA_SUCCESS);
    EXPECT_EQ(other.Read(first), 7u);
    EXPECT_EQ(other.api_.IpcCloseMemHandle(first), CUDA_SUCCESS);
    EXPECT_EQ(other.api_.IpcCloseMemHandle(first), CUDA_ERROR_INVALID_VALUE);
    EXPECT_EQ(other.driver_->imported_bytes(), Bytes());
  }));
  EXPECT_EQ(Read(address), 7u);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
}

TEST_F(IpcCallsTest, NoticesStaleHandles) {
  const CUdeviceptr address = NewLinear(1000);
  const CUipcMemHandle handle = HandleOf(address);
  ASSERT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  HandleOf(NewLinear(1000));  // the same place, and other memory
  EXPECT_TRUE(OtherProcess::Run([&](OtherProcess& other) {
    CUdeviceptr opened = 0;
    EXPECT_EQ(other.api_.IpcOpenMemHandle(&opened, handle, kLazy),
              CUDA_ERROR_INVALID_VALUE);
  }));
}

TEST_F(IpcCallsTest, RefusesMisuse) {
  const CUdeviceptr address = NewLinear(1000);
  CUipcMemHandle handle = {};
  const auto get = [&](CUdeviceptr of) {
    return api_.IpcGetMemHandle(&handle, of);
  };
  EXPECT_EQ(api_.IpcGetMemHandle(nullptr, address), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(get(0), CUDA_ERROR_INVALID_VALUE);
  const CUdeviceptr reserved = Reserve(kBlock);
  Commit(reserved);
  EXPECT_EQ(get(reserved), CUDA_ERROR_INVALID_VALUE);
  void* pinned = nullptr;
  CUdeviceptr managed = 0;
  ASSERT_EQ(api_.MemAllocHost(&pinned, 100), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemAllocManaged(&managed, 100, 1), CUDA_SUCCESS);
  EXPECT_EQ(get(reinterpret_cast<CUdeviceptr>(pinned)),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(get(managed), CUDA_ERROR_INVALID_VALUE);

  CUdeviceptr opened = 0;
  ASSERT_EQ(get(address), CUDA_SUCCESS);
  EXPECT_EQ(api_.IpcOpenMemHandle(&opened, handle, 0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.IpcOpenMemHandle(nullptr, handle, kLazy),
            CUDA_ERROR_INVALID_VALUE);
  // In the process that it is of.
  EXPECT_EQ(api_.IpcOpenMemHandle(&opened, handle, kLazy),
            CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.IpcOpenMemHandle(&opened, {}, kLazy),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.IpcCloseMemHandle(address), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.IpcCloseMemHandle(0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver_->imported_bytes(), Bytes());
}

// What an H200 answers in one process. Another cannot open one here.
TEST_F(IpcCallsTest, HandlesOfEventsAreNotForTheirOwnProcess) {
  CUevent event = nullptr, plain = nullptr;
  CUipcEventHandle handle = {};
  ASSERT_EQ(
      api_.EventCreate(&event, CU_EVENT_INTERPROCESS | CU_EVENT_DISABLE_TIMING),
      CUDA_SUCCESS);
  ASSERT_EQ(api_.EventCreate(&plain, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.IpcOpenEventHandle(&event, handle), CUDA_ERROR_MAP_FAILED);
  EXPECT_EQ(api_.IpcGetEventHandle(&handle, event), CUDA_SUCCESS);
  EXPECT_EQ(api_.IpcGetEventHandle(nullptr, event), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.IpcGetEventHandle(&handle, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.IpcGetEventHandle(&handle, plain), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(api_.IpcOpenEventHandle(&event, handle),
            CUDA_ERROR_INVALID_CONTEXT);
}

// Chunks of virtual memory management, by file descriptor.
class ExportTest : public IpcCallsTest {
 protected:
  CUmemGenericAllocationHandle NewExportable(uint64_t size) {
    CUmemAllocationProp properties = PlainProperties();
    properties.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
    CUmemGenericAllocationHandle chunk = 0;
    EXPECT_EQ(api_.MemCreate(&chunk, size, &properties, 0), CUDA_SUCCESS);
    return chunk;
  }

  int Export(CUmemGenericAllocationHandle chunk) {
    int file = -1;
    EXPECT_EQ(api_.MemExportToShareableHandle(&file, chunk, kFile, 0),
              CUDA_SUCCESS);
    return file;
  }

  static CUresult Import(const DriverApi& api, int file,
                         CUmemGenericAllocationHandle* chunk) {
    return api.MemImportFromShareableHandle(
        chunk, reinterpret_cast<void*>(static_cast<intptr_t>(file)), kFile);
  }

  static constexpr CUmemAllocationHandleType kFile =
      CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
};

TEST_F(ExportTest, SharesPagesWithAnotherProcess) {
  const CUdeviceptr base = Reserve(2 * kBlock);
  const CUmemGenericAllocationHandle chunk = NewExportable(2 * kBlock);
  Map(base, 2 * kBlock, chunk);
  Allow(base, 2 * kBlock);
  ASSERT_EQ(api_.MemsetD32(base, 42, kBlock / 2), CUDA_SUCCESS);
  const int file = Export(chunk);
  EXPECT_TRUE(OtherProcess::Run([&](OtherProcess& other) {
    CUmemGenericAllocationHandle got = 0, again = 0;
    ASSERT_EQ(Import(other.api_, file, &got), CUDA_SUCCESS);
    ASSERT_EQ(Import(other.api_, file, &again), CUDA_SUCCESS);
    EXPECT_EQ(other.driver_->imported_bytes(), Bytes(2 * kBlock));
    EXPECT_EQ(other.driver_->physical_bytes(), Bytes());
    CUmemAllocationProp properties = {};
    EXPECT_EQ(other.api_.MemGetAllocationPropertiesFromHandle(&properties, got),
              CUDA_SUCCESS);
    EXPECT_EQ(properties.requestedHandleTypes, CU_MEM_HANDLE_TYPE_NONE);
    EXPECT_EQ(properties.location.type, CU_MEM_LOCATION_TYPE_DEVICE);
    const CUdeviceptr there = other.Reserve(2 * kBlock);
    other.Map(there, 2 * kBlock, got);
    const CUmemAccessDesc access = Access(CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
    EXPECT_EQ(other.api_.MemSetAccess(there, 2 * kBlock, &access, 1),
              CUDA_SUCCESS);
    EXPECT_EQ(other.Read(there + 2 * kBlock - 4), 42u);
    EXPECT_EQ(other.api_.MemsetD32(there, 7, 1), CUDA_SUCCESS);
    EXPECT_EQ(other.api_.MemRelease(got), CUDA_SUCCESS);
    EXPECT_EQ(other.api_.MemRelease(again), CUDA_SUCCESS);
    EXPECT_EQ(other.api_.MemUnmap(there, 2 * kBlock), CUDA_SUCCESS);
    EXPECT_EQ(other.driver_->imported_bytes(), Bytes());
  }));
  close(file);
  EXPECT_EQ(Read(base), 7u);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(2 * kBlock));
  EXPECT_EQ(api_.MemUnmap(base, 2 * kBlock), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemRelease(chunk), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
}

// It outlives its creator's release, as long as somebody holds it.
TEST_F(ExportTest, IsTheSameMemoryInItsOwnProcess) {
  const CUmemGenericAllocationHandle chunk = NewExportable(kBlock);
  const int file = Export(chunk);
  CUmemGenericAllocationHandle again = 0;
  ASSERT_EQ(Import(api_, file, &again), CUDA_SUCCESS);
  EXPECT_NE(again, chunk);  // measured
  EXPECT_EQ(driver_->physical_bytes(), Bytes(kBlock));
  EXPECT_EQ(driver_->live_objects().handles, 1u);
  EXPECT_EQ(api_.MemRelease(chunk), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(kBlock));
  EXPECT_EQ(api_.MemRelease(again), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  // The descriptor alone keeps the pages.
  ASSERT_EQ(Import(api_, file, &again), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(driver_->imported_bytes(), Bytes(kBlock));
  EXPECT_EQ(api_.MemRelease(again), CUDA_SUCCESS);
  EXPECT_EQ(driver_->imported_bytes(), Bytes());
  close(file);
}

TEST_F(ExportTest, RefusesMisuse) {
  const CUmemGenericAllocationHandle plain = NewChunk();
  const CUmemGenericAllocationHandle chunk = NewExportable(kBlock);
  int file = -1;
  const auto attempt = [&](CUmemGenericAllocationHandle of, int type,
                           unsigned long long flags = 0) {  // NOLINT
    return api_.MemExportToShareableHandle(
        &file, of, static_cast<CUmemAllocationHandleType>(type), flags);
  };
  EXPECT_EQ(attempt(plain, kFile), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(0x12345, kFile), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(chunk, kFile, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(chunk, CU_MEM_HANDLE_TYPE_NONE), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(chunk, CU_MEM_HANDLE_TYPE_WIN32), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(chunk, CU_MEM_HANDLE_TYPE_FABRIC),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemExportToShareableHandle(nullptr, chunk, kFile, 0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(file, -1);
  CUmemGenericAllocationHandle got = 0;
  EXPECT_EQ(Import(api_, -1, &got), CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(Import(api_, STDOUT_FILENO, &got), CUDA_ERROR_UNKNOWN);
  EXPECT_EQ(Import(api_, 12345, &got), CUDA_ERROR_UNKNOWN);
  file = Export(chunk);
  EXPECT_EQ(Import(api_, file, nullptr), CUDA_ERROR_INVALID_VALUE);
  close(file);
  EXPECT_EQ(got, 0u);
}

}  // namespace
}  // namespace governor
