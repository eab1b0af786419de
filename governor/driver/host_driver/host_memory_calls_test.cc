#include <fcntl.h>
#include <sys/mman.h>

#include <cstring>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "governor/driver/host_driver/host_mapping.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr unsigned int kMap = CU_MEMHOSTREGISTER_DEVICEMAP;
constexpr unsigned int kReadOnly =
    CU_MEMHOSTREGISTER_DEVICEMAP | CU_MEMHOSTREGISTER_READ_ONLY;

uint64_t Page() { return sysconf(_SC_PAGESIZE); }

CUdeviceptr Address(const void* pointer) {
  return reinterpret_cast<CUdeviceptr>(pointer);
}

class HostMemoryCallsTest : public HostDriverTest {
 protected:
  explicit HostMemoryCallsTest(
      absl::string_view personality = "h200,memory=1GiB,context=16MiB")
      : HostDriverTest(personality) {}

  void* NewPinned(size_t size, unsigned int flags = 0) {
    void* pointer = nullptr;
    EXPECT_EQ(api_.MemHostAlloc(&pointer, size, flags), CUDA_SUCCESS);
    return pointer;
  }
};

TEST_F(HostMemoryCallsTest, AllocatesForTheHostAndTheDevice) {
  void* pointer = nullptr;
  ASSERT_EQ(api_.MemAllocHost(&pointer, 1000), CUDA_SUCCESS);
  std::memset(pointer, 0x5a, 1000);
  CUdeviceptr address = 0;
  EXPECT_EQ(api_.MemHostGetDevicePointer(&address, pointer, 0), CUDA_SUCCESS);
  EXPECT_EQ(Read(address), 0x5a5a5a5au);
  EXPECT_EQ(api_.MemsetD32(address, 42, 1), CUDA_SUCCESS);
  EXPECT_EQ(*static_cast<uint32_t*>(pointer), 42u);
  EXPECT_EQ(api_.MemsetD8(address + 999, 1, 2), CUDA_ERROR_INVALID_VALUE);

  EXPECT_EQ(driver_->pinned_bytes(), Bytes(Page()));
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(driver_->live_objects().pinned_allocations, 1u);
  EXPECT_EQ(Free(), GiB(1) - MiB(16));  // of another memory
  EXPECT_EQ(api_.MemFreeHost(pointer), CUDA_SUCCESS);
  EXPECT_EQ(driver_->pinned_bytes(), Bytes());
  EXPECT_EQ(driver_->live_objects(), (LiveObjects{.primary_context_refs = 1}));
}

TEST_F(HostMemoryCallsTest, TellsFlagsBack) {
  unsigned int flags = 77;
  const auto ask = [&](void* pointer) {
    return api_.MemHostGetFlags(&flags, pointer);
  };
  char* const pointer =
      static_cast<char*>(NewPinned(100, CU_MEMHOSTALLOC_WRITECOMBINED));
  EXPECT_EQ(ask(pointer + 99), CUDA_SUCCESS);
  // Measured: mapped, whether asked for or not.
  EXPECT_EQ(flags, unsigned{CU_MEMHOSTALLOC_WRITECOMBINED |
                            CU_MEMHOSTALLOC_DEVICEMAP});
  EXPECT_EQ(ask(pointer + 100), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(ask(&flags), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemHostGetFlags(nullptr, pointer), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(HostMemoryCallsTest, RefusesMisuse) {
  void* pointer = nullptr;
  EXPECT_EQ(api_.MemAllocHost(nullptr, 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemAllocHost(&pointer, 0), CUDA_SUCCESS);  // measured
  EXPECT_EQ(pointer, nullptr);
  EXPECT_EQ(api_.MemFreeHost(pointer), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemHostAlloc(&pointer, 4, 8), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemAllocHost(&pointer, ~size_t{0} >> 1),
            CUDA_ERROR_OUT_OF_MEMORY);
  char* const pinned = static_cast<char*>(NewPinned(100));
  CUdeviceptr address = 0;
  const auto device_pointer = [&](void* of, unsigned int flags = 0) {
    return api_.MemHostGetDevicePointer(&address, of, flags);
  };
  EXPECT_EQ(device_pointer(pinned, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(device_pointer(&address), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(device_pointer(pinned + 99), CUDA_SUCCESS);
  EXPECT_EQ(address, Address(pinned + 99));
  EXPECT_EQ(api_.MemFreeHost(pinned + 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFreeHost(&address), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFree(Address(pinned)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFreeHost(reinterpret_cast<void*>(NewLinear(4))),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFreeHost(pinned), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFreeHost(pinned), CUDA_ERROR_INVALID_VALUE);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemAllocHost(&pointer, 4), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.MemHostRegister(&address, 4, 0), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(HostMemoryCallsTest, DescribesPointers) {
  char* const pinned = static_cast<char*>(NewPinned(100));
  const auto ask = [&](CUpointer_attribute attribute) {
    uint64_t data = 0;
    EXPECT_EQ(api_.PointerGetAttribute(&data, attribute, Address(pinned + 8)),
              CUDA_SUCCESS)
        << attribute;
    return data;
  };
  EXPECT_EQ(ask(CU_POINTER_ATTRIBUTE_MEMORY_TYPE), CU_MEMORYTYPE_HOST);
  EXPECT_EQ(ask(CU_POINTER_ATTRIBUTE_HOST_POINTER), Address(pinned + 8));
  EXPECT_EQ(ask(CU_POINTER_ATTRIBUTE_DEVICE_POINTER), Address(pinned + 8));
  EXPECT_EQ(ask(CU_POINTER_ATTRIBUTE_IS_MANAGED), 0u);
  EXPECT_EQ(ask(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR), Address(pinned));
  EXPECT_EQ(ask(CU_POINTER_ATTRIBUTE_RANGE_SIZE), 100u);
  EXPECT_EQ(ask(CU_POINTER_ATTRIBUTE_CONTEXT),
            reinterpret_cast<uintptr_t>(context_));
}

TEST_F(HostMemoryCallsTest, DiesWithItsContext) {
  void* const pinned = NewPinned(100);
  std::vector<char> plain(Page());
  ASSERT_EQ(api_.MemHostRegister(plain.data(), plain.size(), 0), CUDA_SUCCESS);
  ASSERT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_EQ(driver_->pinned_bytes(), Bytes());
  EXPECT_EQ(driver_->live_objects(), LiveObjects());
  EXPECT_FALSE(CpuCanRead(Address(pinned)));
}

TEST_F(HostMemoryCallsTest, RegistersPlainMemory) {
  std::vector<char> plain(3 * Page());
  char* const start = plain.data() + 8;
  EXPECT_EQ(api_.MemsetD8(Address(start), 1, 1), CUDA_ERROR_INVALID_VALUE);
  ASSERT_EQ(api_.MemHostRegister(start, Page(), kMap), CUDA_SUCCESS);
  EXPECT_GE(driver_->pinned_bytes(), Bytes(Page()));
  EXPECT_LE(driver_->pinned_bytes(), Bytes(2 * Page()));
  EXPECT_EQ(driver_->live_objects().registrations, 1u);
  CUdeviceptr address = 0;
  EXPECT_EQ(api_.MemHostGetDevicePointer(&address, start + 5, 0), CUDA_SUCCESS);
  EXPECT_EQ(address, Address(start + 5));
  EXPECT_EQ(api_.MemsetD8(address, 42, 1), CUDA_SUCCESS);
  EXPECT_EQ(start[5], 42);
  EXPECT_EQ(api_.MemsetD8(address, 42, Page()), CUDA_ERROR_INVALID_VALUE);
  unsigned int type = 0;
  EXPECT_EQ(api_.PointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                     address),
            CUDA_SUCCESS);
  EXPECT_EQ(type, unsigned{CU_MEMORYTYPE_HOST});
  unsigned int flags = 0;
  EXPECT_EQ(api_.MemHostGetFlags(&flags, start), CUDA_SUCCESS);
  EXPECT_EQ(flags, unsigned{CU_MEMHOSTREGISTER_DEVICEMAP});

  EXPECT_EQ(api_.MemHostUnregister(start + 5), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemHostUnregister(start), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemHostUnregister(start),
            CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED);
  EXPECT_EQ(driver_->pinned_bytes(), Bytes());
}

TEST_F(HostMemoryCallsTest, RegisterRefusesMisuse) {
  std::vector<char> plain(3 * Page());
  const auto attempt = [&](const void* pointer, size_t size,
                           unsigned int flags = 0) {
    return api_.MemHostRegister(const_cast<void*>(pointer), size, flags);
  };
  EXPECT_EQ(attempt(nullptr, 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(plain.data(), 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(plain.data(), ~size_t{0}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(plain.data(), 4, 16), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(plain.data(), 4, CU_MEMHOSTREGISTER_IOMEMORY),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(reinterpret_cast<void*>(Page()), 4),
            CUDA_ERROR_INVALID_VALUE);  // nothing is mapped there
  ASSERT_EQ(attempt(plain.data(), Page()), CUDA_SUCCESS);
  for (const size_t offset : {size_t{0}, Page() - 1}) {
    EXPECT_EQ(attempt(plain.data() + offset, Page()),
              CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  }
  EXPECT_EQ(attempt(plain.data() + Page(), Page()), CUDA_SUCCESS);
  EXPECT_EQ(attempt(NewPinned(100), 100),
            CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED);
  EXPECT_EQ(attempt(reinterpret_cast<void*>(NewLinear(100)), 100),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemHostUnregister(nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver_->live_objects().registrations, 2u);
}

// A file with some pages, mapped as asked for.
class MappedFile {
 public:
  static constexpr size_t kSize = 1 << 20;

  MappedFile(int protection, int sharing) {
    std::string path = ::testing::TempDir() + "/host_memory_XXXXXX";
    const int file = mkstemp(path.data());
    EXPECT_GE(file, 0);
    unlink(path.c_str());
    const std::string contents(kSize, 'x');
    EXPECT_EQ(write(file, contents.data(), kSize), static_cast<ssize_t>(kSize));
    start_ = mmap(nullptr, kSize, protection, sharing, file, 0);
    EXPECT_NE(start_, MAP_FAILED);
    close(file);
  }
  ~MappedFile() { munmap(start_, kSize); }

  void* start() const { return start_; }
  // Whether a file there counts as one: not where temporary files are in
  // memory.
  bool counts() const {
    const auto mappings = HostMappingsOf(Address(start_), kSize);
    return mappings && mappings->front().file;
  }
  // The bytes of the mapping that are the process's own.
  Bytes Anonymous() const {
    std::ifstream maps("/proc/self/smaps");
    std::string line;
    bool here = false;
    while (std::getline(maps, line)) {
      const auto mapping = ParseHostMapping(line);
      if (mapping) here = mapping->begin == Address(start_);
      if (here && line.rfind("Anonymous:", 0) == 0) {
        return KiB(std::stoull(line.substr(10)));
      }
    }
    return Bytes();
  }

 private:
  void* start_ = nullptr;
};

// As measured on an H200; host_mapping_test has the whole table.
TEST_F(HostMemoryCallsTest, RegistersFilesAsMeasured) {
  const MappedFile shared(PROT_READ | PROT_WRITE, MAP_SHARED);
  const MappedFile own(PROT_READ | PROT_WRITE, MAP_PRIVATE);
  if (!shared.counts()) GTEST_SKIP() << "temporary files are in memory";
  const auto attempt = [&](const MappedFile& file, unsigned int flags) {
    return api_.MemHostRegister(file.start(), MappedFile::kSize, flags);
  };
  EXPECT_EQ(attempt(shared, kMap), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attempt(shared, kReadOnly), CUDA_SUCCESS);
  // The device reads it, and does not write it.
  EXPECT_EQ(Read(Address(shared.start())), 0x78787878u);
  EXPECT_EQ(api_.MemsetD8(Address(shared.start()), 0, 1),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(shared.Anonymous(), Bytes());
  EXPECT_EQ(driver_->pinned_bytes(), Bytes(MappedFile::kSize));
  EXPECT_EQ(api_.MemHostUnregister(shared.start()), CUDA_SUCCESS);
  // A private mapping is copied whole.
  EXPECT_EQ(own.Anonymous(), Bytes());
  EXPECT_EQ(attempt(own, kMap), CUDA_SUCCESS);
  EXPECT_EQ(own.Anonymous(), Bytes(MappedFile::kSize));
  EXPECT_EQ(*static_cast<char*>(own.start()), 'x');
}

TEST_F(HostMemoryCallsTest, HangsWhereTheDriverDoes) {
  const MappedFile file(PROT_READ, MAP_PRIVATE);
  if (!file.counts()) GTEST_SKIP() << "temporary files are in memory";
  EXPECT_EQ(api_.MemHostRegister(file.start(), MappedFile::kSize, kMap),
            CUDA_ERROR_INVALID_VALUE);
  for (const bool destroy : {false, true}) {
    CUresult result = CUDA_SUCCESS;
    std::thread caller([&] {
      EXPECT_EQ(api_.CtxSetCurrent(context_), CUDA_SUCCESS);
      result = api_.MemHostRegister(file.start(), MappedFile::kSize, kReadOnly);
    });
    while (driver_->hung_calls() == 0) std::this_thread::yield();
    EXPECT_EQ(driver_->hung_calls(), 1u);
    EXPECT_EQ(driver_->live_objects().registrations, 0u);
    if (destroy) {
      driver_.reset();
    } else {
      driver_->ReleaseHungCalls();
    }
    caller.join();
    EXPECT_EQ(result, CUDA_ERROR_UNKNOWN);
  }
}

class IntegratedHostMemoryTest : public HostMemoryCallsTest {
 protected:
  IntegratedHostMemoryTest()
      : HostMemoryCallsTest("gb10,memory=64MiB,context=16MiB") {}
};

// One memory for both: what is pinned is not free for the device.
TEST_F(IntegratedHostMemoryTest, TakesFromTheDevicesMemory) {
  void* const pinned = NewPinned(MiB(40).count());
  EXPECT_EQ(Free(), MiB(8));
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  CUdeviceptr linear = 0;
  void* more = nullptr;
  EXPECT_EQ(api_.MemAlloc(&linear, MiB(9).count()), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(api_.MemAllocHost(&more, MiB(9).count()), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(driver_->pinned_bytes(), MiB(40));
  EXPECT_EQ(api_.MemFreeHost(pinned), CUDA_SUCCESS);
  EXPECT_EQ(Free(), MiB(48));
}

// As reported: no flag for read-only memory, and no need of it.
TEST_F(IntegratedHostMemoryTest, RegistersFilesWithoutTheFlag) {
  const MappedFile file(PROT_READ, MAP_SHARED);
  EXPECT_EQ(api_.MemHostRegister(file.start(), MappedFile::kSize, kReadOnly),
            CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemHostRegister(file.start(), MappedFile::kSize, kMap),
            CUDA_SUCCESS);
  EXPECT_EQ(Read(Address(file.start())), 0x78787878u);
  EXPECT_EQ(file.Anonymous(), Bytes());
}

}  // namespace
}  // namespace governor
