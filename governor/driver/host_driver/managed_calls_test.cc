#include <cstring>
#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

constexpr CUmemLocation kDevice0 = {CU_MEM_LOCATION_TYPE_DEVICE, 0};
constexpr CUmemLocation kDevice1 = {CU_MEM_LOCATION_TYPE_DEVICE, 1};
constexpr CUmemLocation kHost = {CU_MEM_LOCATION_TYPE_HOST, 0};
constexpr CUmemLocation kNode0 = {CU_MEM_LOCATION_TYPE_HOST_NUMA, 0};

uint64_t Page() { return sysconf(_SC_PAGESIZE); }

class ManagedCallsTest : public HostDriverTest {
 protected:
  explicit ManagedCallsTest(absl::string_view personality =
                                "h200,memory=64MiB,context=16MiB,devices=2")
      : HostDriverTest(personality) {}

  CUdeviceptr NewManaged(size_t size) {
    CUdeviceptr address = 0;
    EXPECT_EQ(api_.MemAllocManaged(&address, size, CU_MEM_ATTACH_GLOBAL),
              CUDA_SUCCESS);
    return address;
  }

  CUresult Advise(CUdeviceptr address, uint64_t size, CUmem_advise advice,
                  CUmemLocation location = {}) {
    return api_.MemAdvise(address, size, advice, location);
  }

  int Ask(CUmem_range_attribute attribute, CUdeviceptr address, uint64_t size) {
    int data = 77;
    EXPECT_EQ(api_.MemRangeGetAttribute(&data, sizeof(data), attribute, address,
                                        size),
              CUDA_SUCCESS)
        << attribute;
    return data;
  }
};

TEST_F(ManagedCallsTest, IsEverybodysMemory) {
  const CUdeviceptr address = NewManaged(1000);
  auto* const pointer = reinterpret_cast<uint32_t*>(address);
  *pointer = 42;
  EXPECT_EQ(Read(address), 42u);
  EXPECT_EQ(api_.MemsetD32(address, 7, 1), CUDA_SUCCESS);
  EXPECT_EQ(*pointer, 7u);
  EXPECT_EQ(driver_->managed_bytes(), Bytes(Page()));
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(driver_->live_objects().managed_allocations, 1u);
  uint64_t type = 0, managed = 0, host = 0;
  const auto ask = [&](uint64_t* data, CUpointer_attribute attribute) {
    EXPECT_EQ(api_.PointerGetAttribute(data, attribute, address), CUDA_SUCCESS);
  };
  ask(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE);
  ask(&managed, CU_POINTER_ATTRIBUTE_IS_MANAGED);
  ask(&host, CU_POINTER_ATTRIBUTE_HOST_POINTER);
  EXPECT_EQ(type, CU_MEMORYTYPE_DEVICE);
  EXPECT_EQ(managed, 1u);
  EXPECT_EQ(host, address);
  EXPECT_EQ(api_.MemFreeHost(pointer), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(driver_->managed_bytes(), Bytes());
}

TEST_F(ManagedCallsTest, MayBeMoreThanThereIs) {
  const CUdeviceptr address = NewManaged(GiB(256).count());
  EXPECT_EQ(driver_->managed_bytes(), GiB(256));
  EXPECT_EQ(Free(), MiB(48));
  EXPECT_EQ(api_.MemsetD8(address + GiB(255).count(), 1, 1), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
}

TEST_F(ManagedCallsTest, AllocRefusesMisuse) {
  CUdeviceptr address = 77;
  const auto allocate = [&](size_t size, unsigned int flags) {
    return api_.MemAllocManaged(&address, size, flags);
  };
  EXPECT_EQ(api_.MemAllocManaged(nullptr, 4, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(allocate(0, CU_MEM_ATTACH_GLOBAL), CUDA_ERROR_INVALID_VALUE);
  for (const unsigned int flags : {0, 3, 4, 8}) {
    EXPECT_EQ(allocate(4, flags), CUDA_ERROR_INVALID_VALUE) << flags;
  }
  EXPECT_EQ(allocate(~size_t{0}, CU_MEM_ATTACH_GLOBAL),
            CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(allocate(4, CU_MEM_ATTACH_HOST), CUDA_SUCCESS);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(allocate(4, CU_MEM_ATTACH_GLOBAL), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(ManagedCallsTest, RemembersAdviceByPages) {
  const uint64_t page = Page();
  const CUdeviceptr address = NewManaged(4 * page);
  constexpr auto kReadMostly = CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY;
  constexpr auto kPreferred = CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION;
  EXPECT_EQ(Ask(kReadMostly, address, 4 * page), 0);
  EXPECT_EQ(Ask(kPreferred, address, 4 * page), CU_DEVICE_INVALID);
  EXPECT_EQ(Advise(address + page + 5, 1, CU_MEM_ADVISE_SET_READ_MOSTLY),
            CUDA_SUCCESS);
  EXPECT_EQ(Ask(kReadMostly, address + page, page), 1);
  EXPECT_EQ(Ask(kReadMostly, address + page, page + 1), 0);
  EXPECT_EQ(Ask(kReadMostly, address, 2 * page), 0);
  EXPECT_EQ(
      Advise(address, 4 * page, CU_MEM_ADVISE_SET_PREFERRED_LOCATION, kDevice1),
      CUDA_SUCCESS);
  EXPECT_EQ(Ask(kPreferred, address, 4 * page), 1);
  EXPECT_EQ(Ask(kReadMostly, address + page, page), 1);
  EXPECT_EQ(Advise(address, page, CU_MEM_ADVISE_SET_PREFERRED_LOCATION, kHost),
            CUDA_SUCCESS);
  EXPECT_EQ(Ask(kPreferred, address, page), CU_DEVICE_CPU);
  EXPECT_EQ(Ask(kPreferred, address, 4 * page), CU_DEVICE_INVALID);
  EXPECT_EQ(Advise(address, page, CU_MEM_ADVISE_SET_PREFERRED_LOCATION, kNode0),
            CUDA_SUCCESS);
  EXPECT_EQ(Ask(CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_TYPE, address, page),
            CU_MEM_LOCATION_TYPE_HOST_NUMA);
  EXPECT_EQ(Ask(CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION_ID, address, page),
            0);
  EXPECT_EQ(Advise(address, 4 * page, CU_MEM_ADVISE_UNSET_PREFERRED_LOCATION),
            CUDA_SUCCESS);
  EXPECT_EQ(Ask(kPreferred, address, page), CU_DEVICE_INVALID);
}

TEST_F(ManagedCallsTest, TellsWhoAccesses) {
  const CUdeviceptr address = NewManaged(100);
  for (const CUmemLocation& location : {kDevice1, kHost}) {
    EXPECT_EQ(Advise(address, 100, CU_MEM_ADVISE_SET_ACCESSED_BY, location),
              CUDA_SUCCESS);
  }
  int devices[3] = {};
  constexpr auto kAccessedBy = CU_MEM_RANGE_ATTRIBUTE_ACCESSED_BY;
  EXPECT_EQ(api_.MemRangeGetAttribute(devices, sizeof(devices), kAccessedBy,
                                      address, 100),
            CUDA_SUCCESS);
  EXPECT_EQ(devices[0], 1);
  EXPECT_EQ(devices[1], CU_DEVICE_CPU);
  EXPECT_EQ(devices[2], CU_DEVICE_INVALID);
  EXPECT_EQ(Advise(address, 100, CU_MEM_ADVISE_UNSET_ACCESSED_BY, kDevice1),
            CUDA_SUCCESS);
  EXPECT_EQ(Ask(kAccessedBy, address, 100), CU_DEVICE_CPU);
}

TEST_F(ManagedCallsTest, RemembersPrefetches) {
  const CUdeviceptr address = NewManaged(100);
  constexpr auto kLast = CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION;
  const auto prefetch = [&](CUmemLocation location, uint64_t size = 100,
                            unsigned int flags = 0) {
    return api_.MemPrefetchAsync(address, size, location, flags, nullptr);
  };
  EXPECT_EQ(Ask(kLast, address, 100), CU_DEVICE_INVALID);
  EXPECT_EQ(prefetch(kDevice0), CUDA_SUCCESS);
  EXPECT_EQ(Ask(kLast, address, 100), 0);
  EXPECT_EQ(prefetch(kHost), CUDA_SUCCESS);
  EXPECT_EQ(Ask(kLast, address, 100), CU_DEVICE_CPU);
  EXPECT_EQ(prefetch(kHost, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(prefetch(kHost, 100, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(prefetch({CU_MEM_LOCATION_TYPE_DEVICE, 2}),
            CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(prefetch({CU_MEM_LOCATION_TYPE_HOST_NUMA, 12345}),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(prefetch({}), CUDA_ERROR_INVALID_VALUE);
  // New memory at an old address has no past.
  ASSERT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  if (NewManaged(100) == address) {
    EXPECT_EQ(Ask(kLast, address, 100), CU_DEVICE_INVALID);
  }
}

TEST_F(ManagedCallsTest, AdviseRefusesMisuse) {
  const CUdeviceptr address = NewManaged(100);
  const CUdeviceptr linear = NewLinear(100);
  std::vector<char> plain(100);
  constexpr auto kReadMostly = CU_MEM_ADVISE_SET_READ_MOSTLY;
  EXPECT_EQ(Advise(address, 0, kReadMostly), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Advise(0, 100, kReadMostly), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Advise(address, Page() + 1, kReadMostly), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Advise(address, ~uint64_t{0}, kReadMostly),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Advise(linear, 100, kReadMostly), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(
      Advise(reinterpret_cast<CUdeviceptr>(plain.data()), 100, kReadMostly),
      CUDA_ERROR_INVALID_VALUE);
  for (const int advice : {0, 7}) {
    EXPECT_EQ(Advise(address, 100, static_cast<CUmem_advise>(advice)),
              CUDA_ERROR_INVALID_VALUE);
  }
  EXPECT_EQ(Advise(address, 100, CU_MEM_ADVISE_SET_ACCESSED_BY, kNode0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Advise(address, 100, CU_MEM_ADVISE_SET_PREFERRED_LOCATION,
                   {CU_MEM_LOCATION_TYPE_DEVICE, -1}),
            CUDA_ERROR_INVALID_VALUE);  // measured; a prefetch says more
}

TEST_F(ManagedCallsTest, AsksForManyAttributesOrNone) {
  const CUdeviceptr address = NewManaged(100);
  int read_mostly = 77, preferred = 77;
  void* data[] = {&read_mostly, &preferred};
  size_t sizes[] = {4, 4};
  CUmem_range_attribute attributes[] = {
      CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY,
      CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION};
  const auto ask = [&](size_t count) {
    return api_.MemRangeGetAttributes(data, sizes, attributes, count, address,
                                      100);
  };
  EXPECT_EQ(ask(2), CUDA_SUCCESS);
  EXPECT_EQ(read_mostly, 0);
  EXPECT_EQ(preferred, CU_DEVICE_INVALID);
  EXPECT_EQ(ask(0), CUDA_ERROR_INVALID_VALUE);
  read_mostly = 77;
  sizes[1] = 8;
  EXPECT_EQ(ask(2), CUDA_ERROR_INVALID_VALUE);
  sizes[1] = 4;
  attributes[1] = static_cast<CUmem_range_attribute>(9);
  EXPECT_EQ(ask(2), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(read_mostly, 77);
  int out = 0;
  EXPECT_EQ(api_.MemRangeGetAttribute(
                &out, 0, CU_MEM_RANGE_ATTRIBUTE_ACCESSED_BY, address, 100),
            CUDA_ERROR_INVALID_VALUE);
}

TEST_F(ManagedCallsTest, AttachesWholeAllocationsToStreams) {
  const CUdeviceptr address = NewManaged(100);
  CUstream stream = nullptr;
  ASSERT_EQ(api_.StreamCreate(&stream, 0), CUDA_SUCCESS);
  const auto attach = [&](CUstream to, CUdeviceptr at, size_t length,
                          unsigned int flags) {
    return api_.StreamAttachMemAsync(to, at, length, flags);
  };
  for (const unsigned int flags :
       {CU_MEM_ATTACH_GLOBAL, CU_MEM_ATTACH_HOST, CU_MEM_ATTACH_SINGLE}) {
    EXPECT_EQ(attach(stream, address, 0, flags), CUDA_SUCCESS);
    EXPECT_EQ(attach(stream, address, 100, flags), CUDA_SUCCESS);
  }
  EXPECT_EQ(attach(nullptr, address, 0, CU_MEM_ATTACH_GLOBAL), CUDA_SUCCESS);
  EXPECT_EQ(attach(nullptr, address, 0, CU_MEM_ATTACH_SINGLE),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attach(stream, address, 50, CU_MEM_ATTACH_SINGLE),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attach(stream, address, 0, 3), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(attach(stream, NewLinear(100), 0, CU_MEM_ATTACH_GLOBAL),
            CUDA_ERROR_INVALID_VALUE);
  ASSERT_EQ(api_.StreamDestroy(stream), CUDA_SUCCESS);
  EXPECT_EQ(attach(stream, address, 0, CU_MEM_ATTACH_GLOBAL),
            CUDA_ERROR_INVALID_HANDLE);
}

class PageableAccessTest : public ManagedCallsTest {
 protected:
  PageableAccessTest() : ManagedCallsTest("hmm,memory=64MiB,context=16MiB") {}
};

// Documented: where a device reads plain host memory, it may be advised about.
TEST_F(PageableAccessTest, AdvisesAboutPlainMemory) {
  std::vector<char> plain(100);
  const auto address = reinterpret_cast<CUdeviceptr>(plain.data());
  EXPECT_EQ(Advise(address, 100, CU_MEM_ADVISE_SET_PREFERRED_LOCATION, kHost),
            CUDA_SUCCESS);
  EXPECT_EQ(Ask(CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION, address, 100),
            CU_DEVICE_CPU);
  EXPECT_EQ(Advise(Page(), 100, CU_MEM_ADVISE_SET_READ_MOSTLY),
            CUDA_ERROR_INVALID_VALUE);  // nothing is mapped there
}

class NotConcurrentTest : public ManagedCallsTest {
 protected:
  NotConcurrentTest() : ManagedCallsTest("old,memory=64MiB,context=16MiB") {}
};

// Documented: such a device is no place to prefer.
TEST_F(NotConcurrentTest, IsNoLocation) {
  const CUdeviceptr address = NewManaged(100);
  EXPECT_EQ(api_.MemPrefetchAsync(address, 100, kDevice0, 0, nullptr),
            CUDA_ERROR_INVALID_DEVICE);
  EXPECT_EQ(api_.MemPrefetchAsync(address, 100, kHost, 0, nullptr),
            CUDA_SUCCESS);
}

}  // namespace
}  // namespace governor
