#include <array>
#include <cstring>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr CUmemAccess_flags kNone = CU_MEM_ACCESS_FLAGS_PROT_NONE;
constexpr CUmemAccess_flags kRead = CU_MEM_ACCESS_FLAGS_PROT_READ;
constexpr CUmemAccess_flags kReadWrite = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;

class VmmCallsTest : public HostDriverTest {
 protected:
  VmmCallsTest() : HostDriverTest("gb10,memory=1GiB,context=16MiB,devices=2") {}

  CUresult Create(const CUmemAllocationProp& properties,
                  uint64_t size = kBlock) {
    CUmemGenericAllocationHandle chunk = 0;
    return api_.MemCreate(&chunk, size, &properties, 0);
  }

  CUresult Reserve(uint64_t size, uint64_t alignment, CUdeviceptr hint = 0,
                   unsigned long long flags = 0) {  // NOLINT: CUDA's type
    return api_.MemAddressReserve(&reserved_, size, alignment, hint, flags);
  }
  using HostDriverTest::Reserve;

  CUresult SetAccess(CUdeviceptr address, uint64_t size,
                     CUmemAccessDesc access) {
    return api_.MemSetAccess(address, size, &access, 1);
  }

  // What the device may do, or -1 when that cannot be asked.
  int FlagsAt(CUdeviceptr address, int device = 0) {
    const CUmemLocation location = {CU_MEM_LOCATION_TYPE_DEVICE, device};
    unsigned long long flags = 0;  // NOLINT: CUDA's type
    const CUresult result = api_.MemGetAccess(&flags, &location, address);
    return result == CUDA_SUCCESS ? static_cast<int>(flags) : -1;
  }

  CUdeviceptr reserved_ = 0;
};

TEST_F(VmmCallsTest, TellsTheGranularity) {
  CUmemAllocationProp properties = PlainProperties();
  size_t granularity = 0;
  for (const auto option : {CU_MEM_ALLOC_GRANULARITY_MINIMUM,
                            CU_MEM_ALLOC_GRANULARITY_RECOMMENDED}) {
    granularity = 0;
    EXPECT_EQ(
        api_.MemGetAllocationGranularity(&granularity, &properties, option),
        CUDA_SUCCESS);
    EXPECT_EQ(granularity, kBlock);
  }
  constexpr auto kMinimum = CU_MEM_ALLOC_GRANULARITY_MINIMUM;
  EXPECT_EQ(api_.MemGetAllocationGranularity(nullptr, &properties, kMinimum),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemGetAllocationGranularity(&granularity, nullptr, kMinimum),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemGetAllocationGranularity(
                &granularity, &properties,
                static_cast<CUmemAllocationGranularity_flags>(7)),
            CUDA_ERROR_INVALID_VALUE);
}

TEST_F(VmmCallsTest, CreatesAndReleases) {
  const CUmemGenericAllocationHandle a = NewChunk(), b = NewChunk(3 * kBlock);
  EXPECT_NE(a, b);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(4 * kBlock));
  EXPECT_EQ(api_.MemRelease(a), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(3 * kBlock));
  EXPECT_EQ(api_.MemRelease(a), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemRelease(b), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemRelease(0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemRelease(0x12345), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(driver_->live_objects().handles, 0u);
}

// A handle is never given twice, so that a stale one is always noticed.
TEST_F(VmmCallsTest, DoesNotReuseHandles) {
  const CUmemGenericAllocationHandle first = NewChunk();
  EXPECT_EQ(api_.MemRelease(first), CUDA_SUCCESS);
  EXPECT_NE(NewChunk(), first);
  EXPECT_EQ(api_.MemRelease(first), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(VmmCallsTest, CreateRefusesMisuse) {
  const CUmemAllocationProp plain = PlainProperties();
  CUmemGenericAllocationHandle chunk = 77;
  EXPECT_EQ(api_.MemCreate(nullptr, kBlock, &plain, 0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemCreate(&chunk, kBlock, nullptr, 0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemCreate(&chunk, kBlock, &plain, 1),
            CUDA_ERROR_INVALID_VALUE);
  for (const uint64_t size : {uint64_t{0}, uint64_t{1}, kBlock + 4096}) {
    EXPECT_EQ(Create(plain, size), CUDA_ERROR_INVALID_VALUE) << size;
  }
  for (const uint64_t size : {uint64_t{1} << 40, ~uint64_t{0} & -kBlock}) {
    EXPECT_EQ(Create(plain, size), CUDA_ERROR_OUT_OF_MEMORY) << size;
  }

  CUmemAllocationProp odd = plain;
  for (const int type : {0, 2, 9}) {
    odd.type = static_cast<CUmemAllocationType>(type);
    EXPECT_EQ(Create(odd), CUDA_ERROR_INVALID_VALUE) << type;
  }
  odd = plain;
  for (const int type : {0, 4, 9}) {
    odd.location.type = static_cast<CUmemLocationType>(type);
    EXPECT_EQ(Create(odd), CUDA_ERROR_INVALID_VALUE) << type;
  }
  for (const int type :
       {CU_MEM_LOCATION_TYPE_HOST, CU_MEM_LOCATION_TYPE_HOST_NUMA}) {
    odd.location.type = static_cast<CUmemLocationType>(type);
    EXPECT_EQ(Create(odd), CUDA_ERROR_NOT_SUPPORTED) << type;
  }
  for (const int device : {-1, 2, 99}) {
    EXPECT_EQ(Create(PlainProperties(device)), CUDA_ERROR_INVALID_DEVICE)
        << device;
  }
  odd = plain;
  for (const int types : {2, 3, 4, 16}) {
    odd.requestedHandleTypes = static_cast<CUmemAllocationHandleType>(types);
    EXPECT_EQ(Create(odd), CUDA_ERROR_INVALID_VALUE) << types;
  }
  odd.requestedHandleTypes = CU_MEM_HANDLE_TYPE_FABRIC;
  EXPECT_EQ(Create(odd), CUDA_ERROR_NOT_PERMITTED);
  odd = plain;
  odd.win32HandleMetaData = &chunk;
  EXPECT_EQ(Create(odd), CUDA_ERROR_INVALID_VALUE);
  odd = plain;
  odd.allocFlags.compressionType = 9;
  EXPECT_EQ(Create(odd), CUDA_ERROR_INVALID_VALUE);
  odd = plain;
  odd.allocFlags.reserved[3] = 1;
  EXPECT_EQ(Create(odd), CUDA_ERROR_INVALID_VALUE);

  EXPECT_EQ(chunk, 77u);
  EXPECT_EQ(driver_->physical_high_water(), Bytes());
  EXPECT_EQ(driver_->live_objects().handles, 0u);
}

TEST_F(VmmCallsTest, CreatesNoMoreThanThereIs) {
  const CUmemGenericAllocationHandle most =
      NewChunk((GiB(1) - MiB(16)).count());
  EXPECT_EQ(Free(), Bytes());
  EXPECT_EQ(Create(PlainProperties()), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(Create(PlainProperties(1)), CUDA_SUCCESS);  // each has its own
  EXPECT_EQ(api_.MemRelease(most), CUDA_SUCCESS);
  EXPECT_EQ(Create(PlainProperties()), CUDA_SUCCESS);
}

TEST_F(VmmCallsTest, TellsPropertiesBack) {
  CUmemAllocationProp wanted = PlainProperties(1), got = {};
  wanted.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
  CUmemGenericAllocationHandle chunk = 0;
  ASSERT_EQ(api_.MemCreate(&chunk, kBlock, &wanted, 0), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemGetAllocationPropertiesFromHandle(&got, chunk),
            CUDA_SUCCESS);
  EXPECT_EQ(std::memcmp(&got, &wanted, sizeof(got)), 0);
  EXPECT_EQ(api_.MemGetAllocationPropertiesFromHandle(nullptr, chunk),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemRelease(chunk), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemGetAllocationPropertiesFromHandle(&got, chunk),
            CUDA_ERROR_INVALID_VALUE);
}

TEST_F(VmmCallsTest, ReservesAligned) {
  for (const uint64_t alignment : {uint64_t{0}, uint64_t{1}, uint64_t{4096},
                                   kBlock, 2 * kBlock, uint64_t{1} << 30}) {
    ASSERT_EQ(Reserve(kBlock, alignment), CUDA_SUCCESS) << alignment;
    EXPECT_EQ(reserved_ % std::max(alignment, kBlock), 0u) << alignment;
    EXPECT_FALSE(CpuCanRead(reserved_));
  }
  EXPECT_EQ(driver_->live_objects().reservations, 6u);
  EXPECT_EQ(driver_->physical_high_water(), Bytes());
}

TEST_F(VmmCallsTest, ReservesAtAHintThatIsFree) {
  const CUdeviceptr base = Reserve(4 * kBlock);
  EXPECT_EQ(api_.MemAddressFree(base, 4 * kBlock), CUDA_SUCCESS);
  ASSERT_EQ(Reserve(kBlock, 0, base + kBlock), CUDA_SUCCESS);
  EXPECT_EQ(reserved_, base + kBlock);
  ASSERT_EQ(Reserve(kBlock, 0, base + kBlock), CUDA_SUCCESS);  // taken now
  EXPECT_NE(reserved_, base + kBlock);
}

TEST_F(VmmCallsTest, ReserveRefusesMisuse) {
  reserved_ = 77;
  for (const uint64_t size : {uint64_t{0}, uint64_t{4096}, kBlock + 4096}) {
    EXPECT_EQ(Reserve(size, 0), CUDA_ERROR_INVALID_VALUE) << size;
  }
  EXPECT_EQ(Reserve(kBlock, 3), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Reserve(kBlock, 3 * kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Reserve(kBlock, 0, 12345), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Reserve(kBlock, 0, 0, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemAddressReserve(nullptr, kBlock, 0, 0, 0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Reserve(uint64_t{1} << 50, 0), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(Reserve(~uint64_t{0} & -kBlock, 0), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(reserved_, 77u);
  EXPECT_EQ(driver_->live_objects().reservations, 0u);
}

TEST_F(VmmCallsTest, FreesWholeEmptyReservations) {
  const CUdeviceptr base = Reserve(4 * kBlock);
  const CUdeviceptr linear = NewLinear(kBlock);
  Commit(base + kBlock);
  const auto free = [&](CUdeviceptr address, uint64_t size) {
    return api_.MemAddressFree(address, size);
  };
  EXPECT_EQ(free(base, 4 * kBlock), CUDA_ERROR_INVALID_VALUE);  // mapped
  ASSERT_EQ(api_.MemUnmap(base + kBlock, kBlock), CUDA_SUCCESS);
  EXPECT_EQ(free(base, kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(free(base, 8 * kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(free(base, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(free(base + kBlock, 3 * kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(free(0, kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(free(linear, kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(free(base, 4 * kBlock), CUDA_SUCCESS);
  EXPECT_EQ(free(base, 4 * kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver_->live_objects().reservations, 0u);
}

TEST_F(VmmCallsTest, MapsWithoutAccess) {
  const CUdeviceptr base = Reserve(4 * kBlock);
  Map(base + kBlock, kBlock, NewChunk());
  EXPECT_EQ(driver_->live_objects().mappings, 1u);
  EXPECT_EQ(FlagsAt(base + kBlock), kNone);
  EXPECT_FALSE(CpuCanRead(base + kBlock));
  EXPECT_EQ(FlagsAt(base), -1);
  Allow(base + kBlock, kBlock);
  EXPECT_EQ(FlagsAt(base + 2 * kBlock - 1), kReadWrite);
  EXPECT_TRUE(CpuCanRead(base + kBlock));
}

TEST_F(VmmCallsTest, MapRefusesMisuse) {
  const CUdeviceptr base = Reserve(8 * kBlock);
  const CUdeviceptr linear = NewLinear(4 * kBlock);
  const CUmemGenericAllocationHandle one = NewChunk(),
                                     four = NewChunk(4 * kBlock);
  const auto map = [&](CUdeviceptr address, uint64_t size, uint64_t offset,
                       CUmemGenericAllocationHandle chunk, int flags = 0) {
    return api_.MemMap(address, size, offset, chunk, flags);
  };
  EXPECT_EQ(map(base, kBlock, 0, one, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base, 0, 0, one), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base, kBlock, 0, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base, kBlock, 0, 0x12345), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(0, kBlock, 0, one), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base - kBlock, kBlock, 0, one), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base + 8 * kBlock, kBlock, 0, one), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base + 6 * kBlock, 4 * kBlock, 0, four),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base + 4096, kBlock, 0, one), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(linear, kBlock, 0, one), CUDA_ERROR_INVALID_VALUE);
  // Not the whole chunk, from its beginning.
  EXPECT_EQ(map(base, kBlock, 0, four), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(map(base, 2 * kBlock, 0, one), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(map(base, 4096, 0, one), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(map(base, 2 * kBlock, 2 * kBlock, four), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(map(base, kBlock, kBlock, one), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(driver_->live_objects().mappings, 0u);

  // Over a mapping: at its start, in it, and around it.
  Map(base + kBlock, 4 * kBlock, four);
  EXPECT_EQ(map(base + kBlock, kBlock, 0, one), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base + 4 * kBlock, kBlock, 0, one), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base, 4 * kBlock, 0, four), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(map(base + 3 * kBlock, 4 * kBlock, 0, four),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver_->live_objects().mappings, 1u);
}

TEST_F(VmmCallsTest, MapsOneChunkTwice) {
  const CUdeviceptr base = Reserve(2 * kBlock);
  const CUmemGenericAllocationHandle chunk = NewChunk();
  Map(base, kBlock, chunk);
  Map(base + kBlock, kBlock, chunk);
  Allow(base, 2 * kBlock);
  ASSERT_EQ(api_.MemsetD32(base + 64, 42, 1), CUDA_SUCCESS);
  EXPECT_EQ(Read(base + kBlock + 64), 42u);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(kBlock));
}

// Released, a chunk lives on until the last of its mappings goes.
TEST_F(VmmCallsTest, FreesAfterReleaseAndLastUnmap) {
  const CUdeviceptr base = Reserve(2 * kBlock);
  const CUmemGenericAllocationHandle chunk = NewChunk();
  Map(base, kBlock, chunk);
  Map(base + kBlock, kBlock, chunk);
  EXPECT_EQ(api_.MemRelease(chunk), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemRelease(chunk), CUDA_ERROR_INVALID_VALUE);
  Allow(base, 2 * kBlock);
  EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(kBlock));
  EXPECT_EQ(driver_->live_objects().handles, 1u);
  EXPECT_EQ(Read(base + kBlock), 0u);
  EXPECT_EQ(api_.MemUnmap(base + kBlock, kBlock), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(driver_->live_objects().handles, 0u);
}

TEST_F(VmmCallsTest, RetainsWhatIsMapped) {
  const CUdeviceptr base = Reserve(2 * kBlock);
  const CUdeviceptr linear = NewLinear(kBlock);
  const CUmemGenericAllocationHandle chunk = NewChunk();
  const auto retain = [&](CUmemGenericAllocationHandle* got, CUdeviceptr at) {
    return api_.MemRetainAllocationHandle(got, reinterpret_cast<void*>(at));
  };
  Map(base, kBlock, chunk);
  EXPECT_EQ(api_.MemRelease(chunk), CUDA_SUCCESS);
  CUmemGenericAllocationHandle again = 0;
  EXPECT_EQ(retain(&again, base + 5), CUDA_SUCCESS);
  EXPECT_EQ(again, chunk);
  EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(kBlock) + Bytes(kBlock));
  EXPECT_EQ(api_.MemRelease(again), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(kBlock));  // the linear one's

  EXPECT_EQ(retain(&again, base), CUDA_ERROR_INVALID_VALUE);  // not mapped
  EXPECT_EQ(retain(&again, linear), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(retain(&again, 0), CUDA_ERROR_INVALID_VALUE);
  Map(base, kBlock, NewChunk());
  EXPECT_EQ(retain(nullptr, base), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(VmmCallsTest, UnmapsWholeMappings) {
  const CUdeviceptr base = Reserve(8 * kBlock);
  for (const int block : {0, 1, 3}) Commit(base + block * kBlock);
  Commit(base + 4 * kBlock, 4 * kBlock);
  EXPECT_EQ(driver_->live_objects().mappings, 4u);
  const auto unmap = [&](uint64_t from, uint64_t size) {
    return api_.MemUnmap(base + from, size);
  };
  // Part of a mapping, at either end.
  EXPECT_EQ(unmap(4 * kBlock, kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(unmap(5 * kBlock, 3 * kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(unmap(0, 4096), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(unmap(3 * kBlock, 2 * kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(unmap(0, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(unmap(4 * kBlock, 8 * kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemUnmap(0, kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemUnmap(NewLinear(kBlock), kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver_->live_objects().mappings, 4u);

  EXPECT_EQ(unmap(0, 2 * kBlock), CUDA_SUCCESS);  // two at once
  EXPECT_EQ(driver_->live_objects().mappings, 2u);
  EXPECT_FALSE(CpuCanRead(base));
  EXPECT_TRUE(CpuCanRead(base + 3 * kBlock));
  // As measured: where nothing is mapped, there is nothing to complain of.
  EXPECT_EQ(unmap(0, 2 * kBlock), CUDA_SUCCESS);
  EXPECT_EQ(unmap(0, 8 * kBlock), CUDA_SUCCESS);
  EXPECT_EQ(driver_->live_objects().mappings, 0u);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(kBlock));  // the linear one's
}

// What was unmapped stays reserved: no mmap of the process can land there.
TEST_F(VmmCallsTest, LeavesNoHole) {
  const CUdeviceptr base = Reserve(2 * kBlock);
  Commit(base);
  EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
  ASSERT_EQ(Reserve(kBlock, 0, base), CUDA_SUCCESS);
  EXPECT_NE(reserved_, base);
  Commit(base);
  EXPECT_EQ(Read(base), 0u);
}

TEST_F(VmmCallsTest, AllowsAndForbids) {
  const CUdeviceptr base = Reserve(2 * kBlock);
  Commit(base, kBlock);
  Commit(base + kBlock, kBlock);
  Allow(base, kBlock, kRead);
  EXPECT_EQ(FlagsAt(base), kRead);
  EXPECT_EQ(FlagsAt(base + kBlock), kReadWrite);
  EXPECT_EQ(Read(base), 0u);
  EXPECT_EQ(api_.MemsetD8(base, 1, 1), CUDA_ERROR_INVALID_VALUE);
  Allow(base, 2 * kBlock, kNone);
  EXPECT_EQ(FlagsAt(base + kBlock), kNone);
  EXPECT_FALSE(CpuCanRead(base));
  Allow(base, 2 * kBlock, kReadWrite);
  EXPECT_EQ(api_.MemsetD8(base, 1, 2 * kBlock), CUDA_SUCCESS);
}

TEST_F(VmmCallsTest, TakesTheLastWordOnADevice) {
  const CUdeviceptr base = Reserve(kBlock);
  Map(base, kBlock, NewChunk());
  const CUmemAccessDesc both[] = {Access(kReadWrite), Access(kRead, 1),
                                  Access(kNone)};
  EXPECT_EQ(api_.MemSetAccess(base, kBlock, both, 3), CUDA_SUCCESS);
  EXPECT_EQ(FlagsAt(base, 0), kNone);
  EXPECT_EQ(FlagsAt(base, 1), kRead);
  EXPECT_TRUE(CpuCanRead(base));  // one device may
}

TEST_F(VmmCallsTest, SetAccessRefusesMisuse) {
  const CUdeviceptr base = Reserve(8 * kBlock);
  const CUmemAccessDesc access = Access(kReadWrite);
  Map(base, kBlock, NewChunk());
  Map(base + kBlock, 2 * kBlock, NewChunk(2 * kBlock));
  Map(base + 5 * kBlock, kBlock, NewChunk());
  const auto set = [&](uint64_t from, uint64_t size) {
    return SetAccess(base + from, size, access);
  };
  EXPECT_EQ(set(0, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(set(0, 4096), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(set(4096, kBlock), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(set(3 * kBlock, kBlock), CUDA_ERROR_INVALID_VALUE);  // nothing
  EXPECT_EQ(set(0, 4 * kBlock), CUDA_ERROR_INVALID_VALUE);       // less
  EXPECT_EQ(set(kBlock, kBlock), CUDA_ERROR_INVALID_VALUE);      // a part
  EXPECT_EQ(set(2 * kBlock, kBlock), CUDA_ERROR_INVALID_VALUE);  // a part
  EXPECT_EQ(set(0, 6 * kBlock), CUDA_ERROR_INVALID_VALUE);       // a gap
  EXPECT_EQ(SetAccess(0, kBlock, access), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(SetAccess(NewLinear(kBlock) & -kBlock, kBlock, access),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemSetAccess(base, kBlock, nullptr, 1),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemSetAccess(base, kBlock, &access, 0),
            CUDA_ERROR_INVALID_VALUE);
  for (const int flags : {2, 4, 7}) {
    EXPECT_EQ(
        SetAccess(base, kBlock, Access(static_cast<CUmemAccess_flags>(flags))),
        CUDA_ERROR_INVALID_VALUE)
        << flags;
  }
  for (const int device : {-1, 2}) {
    EXPECT_EQ(SetAccess(base, kBlock, Access(kReadWrite, device)),
              CUDA_ERROR_INVALID_VALUE)
        << device;
  }
  CUmemAccessDesc odd = access;
  for (const auto& [type, result] : std::map<int, CUresult>{
           {CU_MEM_LOCATION_TYPE_INVALID, CUDA_ERROR_INVALID_VALUE},
           {CU_MEM_LOCATION_TYPE_HOST, CUDA_ERROR_NOT_SUPPORTED},
           {CU_MEM_LOCATION_TYPE_HOST_NUMA, CUDA_ERROR_NOT_SUPPORTED},
           {9, CUDA_ERROR_INVALID_VALUE}}) {
    odd.location.type = static_cast<CUmemLocationType>(type);
    EXPECT_EQ(SetAccess(base, kBlock, odd), result) << type;
  }
  // The first of two is good, and still not done.
  const CUmemAccessDesc half[] = {access, Access(kReadWrite, 2)};
  EXPECT_EQ(api_.MemSetAccess(base, kBlock, half, 2), CUDA_ERROR_INVALID_VALUE);
  for (int block = 0; block < 3; ++block) {
    EXPECT_EQ(FlagsAt(base + block * kBlock), kNone);
  }
}

TEST_F(VmmCallsTest, GetAccessRefusesMisuse) {
  const CUdeviceptr base = Reserve(2 * kBlock);
  Commit(base);
  unsigned long long flags = 77;  // NOLINT: CUDA's type
  CUmemLocation location = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
  EXPECT_EQ(api_.MemGetAccess(nullptr, &location, base),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemGetAccess(&flags, nullptr, base), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemGetAccess(&flags, &location, base + kBlock),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemGetAccess(&flags, &location, 0), CUDA_ERROR_INVALID_VALUE);
  location.id = 2;
  EXPECT_EQ(api_.MemGetAccess(&flags, &location, base),
            CUDA_ERROR_INVALID_DEVICE);
  location = {CU_MEM_LOCATION_TYPE_INVALID, 0};
  EXPECT_EQ(api_.MemGetAccess(&flags, &location, base),
            CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(flags, 77u);
  location.type = CU_MEM_LOCATION_TYPE_HOST;
  EXPECT_EQ(api_.MemGetAccess(&flags, &location, base), CUDA_SUCCESS);
  EXPECT_EQ(flags, 0u);
}

TEST_F(VmmCallsTest, NewMemoryReadsAsZero) {
  const CUdeviceptr base = Reserve(4 * kBlock);
  for (int round = 0; round < 2; ++round) {
    Commit(base, 4 * kBlock);
    const uint32_t* const words = reinterpret_cast<const uint32_t*>(base);
    for (uint64_t i = 0; i < kBlock; i += 512) ASSERT_EQ(words[i], 0u) << i;
    ASSERT_EQ(api_.MemsetD8(base, 0x5a, 4 * kBlock), CUDA_SUCCESS);
    ASSERT_EQ(api_.MemUnmap(base, 4 * kBlock), CUDA_SUCCESS);
  }
}

// Memory keeps its contents while it is nowhere mapped.
TEST_F(VmmCallsTest, KeepsContentsAcrossAMove) {
  const CUdeviceptr base = Reserve(2 * kBlock);
  const CUmemGenericAllocationHandle chunk = NewChunk();
  Map(base, kBlock, chunk);
  Allow(base, kBlock);
  ASSERT_EQ(api_.MemsetD32(base, 42, kBlock / 4), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
  Map(base + kBlock, kBlock, chunk);
  EXPECT_EQ(FlagsAt(base + kBlock), kNone);  // rights do not move along
  Allow(base + kBlock, kBlock);
  EXPECT_EQ(Read(base + 2 * kBlock - 4), 42u);
}

// Nothing here belongs to a context.
TEST_F(VmmCallsTest, NeedsNoCurrentContext) {
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  const CUdeviceptr base = Reserve(kBlock);
  Commit(base);
  EXPECT_EQ(FlagsAt(base), kReadWrite);
  EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemAddressFree(base, kBlock), CUDA_SUCCESS);
}

class SmallGranularityTest : public HostDriverTest {
 protected:
  SmallGranularityTest()
      : HostDriverTest("gb10,memory=1GiB,context=0,granularity=64KiB") {}
};

TEST_F(SmallGranularityTest, IsAskedForAndNotAssumed) {
  constexpr uint64_t kSmall = 64 << 10;
  const CUdeviceptr base = Reserve(4 * kSmall);
  Commit(base + kSmall, kSmall);
  EXPECT_EQ(driver_->physical_bytes(), Bytes(kSmall));
  EXPECT_EQ(Free(), GiB(1) - Bytes(kSmall));
}

class HostLocationTest : public HostDriverTest {
 protected:
  HostLocationTest() : HostDriverTest("h200,memory=64MiB,context=16MiB") {}

  static CUmemAllocationProp HostProperties(int type, int id = 0) {
    CUmemAllocationProp properties = PlainProperties();
    properties.location = {static_cast<CUmemLocationType>(type), id};
    return properties;
  }

  CUmemGenericAllocationHandle NewHostChunk(int type) {
    const CUmemAllocationProp properties = HostProperties(type);
    CUmemGenericAllocationHandle chunk = 0;
    EXPECT_EQ(api_.MemCreate(&chunk, kBlock, &properties, 0), CUDA_SUCCESS);
    return chunk;
  }

  CUresult SetAccess(CUdeviceptr address, int type, CUmemAccess_flags flags,
                     int id = 0) {
    const CUmemAccessDesc access = {{static_cast<CUmemLocationType>(type), id},
                                    flags};
    return api_.MemSetAccess(address, kBlock, &access, 1);
  }
};

TEST_F(HostLocationTest, IsMemoryOfTheHost) {
  for (const int type :
       {CU_MEM_LOCATION_TYPE_HOST, CU_MEM_LOCATION_TYPE_HOST_NUMA}) {
    const CUdeviceptr base = Reserve(kBlock);
    const CUmemGenericAllocationHandle chunk = NewHostChunk(type);
    EXPECT_EQ(driver_->physical_bytes(), Bytes(kBlock));
    EXPECT_EQ(Free(), MiB(48));  // of another memory
    Map(base, kBlock, chunk);
    EXPECT_FALSE(CpuCanRead(base));
    EXPECT_EQ(SetAccess(base, type, kReadWrite), CUDA_SUCCESS);
    EXPECT_TRUE(CpuCanRead(base));
    // The host's access is not the device's.
    EXPECT_EQ(api_.MemsetD8(base, 1, 1), CUDA_ERROR_INVALID_VALUE);
    Allow(base, kBlock);
    EXPECT_EQ(api_.MemsetD32(base, 42, 1), CUDA_SUCCESS);
    EXPECT_EQ(*reinterpret_cast<uint32_t*>(base), 42u);
    unsigned long long flags = 0;  // NOLINT: CUDA's type
    const CUmemLocation host = {static_cast<CUmemLocationType>(type), 0};
    EXPECT_EQ(api_.MemGetAccess(&flags, &host, base), CUDA_SUCCESS);
    EXPECT_EQ(flags, kReadWrite);
    unsigned int memory_type = 0;
    EXPECT_EQ(api_.PointerGetAttribute(&memory_type,
                                       CU_POINTER_ATTRIBUTE_MEMORY_TYPE, base),
              CUDA_SUCCESS);
    EXPECT_EQ(memory_type, unsigned{CU_MEMORYTYPE_HOST});
    EXPECT_EQ(api_.MemRelease(chunk), CUDA_SUCCESS);
    EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
    EXPECT_EQ(driver_->physical_bytes(), Bytes());
  }
}

TEST_F(HostLocationTest, RefusesMisuse) {
  CUmemGenericAllocationHandle chunk = 0;
  const auto create = [&](const CUmemAllocationProp& properties) {
    return api_.MemCreate(&chunk, kBlock, &properties, 0);
  };
  // Documented: the node of the moment is none to stay on, and a chunk of no
  // node cannot be exported.
  EXPECT_EQ(create(HostProperties(CU_MEM_LOCATION_TYPE_HOST_NUMA_CURRENT)),
            CUDA_ERROR_INVALID_VALUE);
  CUmemAllocationProp exported = HostProperties(CU_MEM_LOCATION_TYPE_HOST);
  exported.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
  EXPECT_EQ(create(exported), CUDA_ERROR_INVALID_VALUE);
  for (const int node : {-1, 12345}) {
    EXPECT_EQ(create(HostProperties(CU_MEM_LOCATION_TYPE_HOST_NUMA, node)),
              CUDA_ERROR_INVALID_VALUE);
  }
  EXPECT_EQ(driver_->physical_high_water(), Bytes());
  // Measured: the host is not granted access to a device's memory, and its own
  // is that of its first node.
  const CUdeviceptr base = Reserve(2 * kBlock);
  Map(base, kBlock, NewChunk());
  Map(base + kBlock, kBlock, NewHostChunk(CU_MEM_LOCATION_TYPE_HOST));
  EXPECT_EQ(SetAccess(base, CU_MEM_LOCATION_TYPE_HOST, kReadWrite),
            CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(
      SetAccess(base + kBlock, CU_MEM_LOCATION_TYPE_HOST_NUMA, kReadWrite),
      CUDA_SUCCESS);
  EXPECT_FALSE(CpuCanRead(base));
}

class OldDeviceTest : public HostDriverTest {
 protected:
  OldDeviceTest() : HostDriverTest("old") {}
};

TEST_F(OldDeviceTest, HasNoVirtualMemoryManagement) {
  const CUmemAllocationProp properties = PlainProperties();
  const CUmemAccessDesc access = Access(kReadWrite);
  CUmemAllocationProp got = {};
  CUmemGenericAllocationHandle chunk = 0;
  CUdeviceptr base = 0;
  size_t granularity = 0;
  unsigned long long flags = 0;  // NOLINT: CUDA's type
  EXPECT_EQ(api_.MemGetAllocationGranularity(&granularity, &properties,
                                             CU_MEM_ALLOC_GRANULARITY_MINIMUM),
            CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemAddressReserve(&base, kBlock, 0, 0, 0),
            CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemAddressFree(kBlock, kBlock), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemCreate(&chunk, kBlock, &properties, 0),
            CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemRelease(1), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemMap(kBlock, kBlock, 0, 1, 0), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemUnmap(kBlock, kBlock), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemSetAccess(kBlock, kBlock, &access, 1),
            CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemGetAccess(&flags, &access.location, kBlock),
            CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemGetAllocationPropertiesFromHandle(&got, 1),
            CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(api_.MemRetainAllocationHandle(&chunk, &base),
            CUDA_ERROR_NOT_SUPPORTED);
  // The rest works.
  EXPECT_EQ(api_.MemsetD8(NewLinear(kBlock), 1, kBlock), CUDA_SUCCESS);
}

}  // namespace
}  // namespace governor
