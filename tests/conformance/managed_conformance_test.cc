// Managed memory, which the CPU and the devices use by one address.

#include <cstring>
#include <vector>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr size_t kSize = 4 << 20;

CUmemLocation Device(int device = 0) {
  return {CU_MEM_LOCATION_TYPE_DEVICE, device};
}

class ManagedConformance : public ConformanceTest {
 protected:
  CUdeviceptr NewManaged(unsigned int flags = CU_MEM_ATTACH_GLOBAL) {
    CUdeviceptr address = 0;
    EXPECT_OK(MemAllocManaged, &address, kSize, flags);
    if (address != 0) {
      Later([address] { EXPECT_OK(MemFree, address); });
    }
    return address;
  }

  int32_t Range(CUmem_range_attribute attribute, CUdeviceptr address) {
    int32_t value = 77;
    EXPECT_OK(MemRangeGetAttribute, &value, sizeof(value), attribute, address,
              kSize);
    return value;
  }
};

TEST_F(ManagedConformance, CopiesSeeWhatTheCpuWrote) {
  const CUdeviceptr managed = NewManaged();
  ASSERT_NE(managed, 0u);
  auto* const words = reinterpret_cast<volatile uint32_t*>(managed);
  words[5] = 42;
  EXPECT_EQ(Read(managed + 20), 42u);
  EXPECT_OK(MemsetD32, managed + 24, 43, 1);
  EXPECT_OK(CtxSynchronize);
  EXPECT_EQ(words[6], 43u);
  EXPECT_EQ(words[5], 42u);
}

TEST_F(ManagedConformance, AllocRefusesMisuse) {
  CUdeviceptr address = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemAllocManaged, nullptr, kSize,
                 CU_MEM_ATTACH_GLOBAL);
  EXPECT_REFUSED(INVALID_VALUE, MemAllocManaged, &address, 0,
                 CU_MEM_ATTACH_GLOBAL);
  EXPECT_REFUSED(INVALID_VALUE, MemAllocManaged, &address, kSize, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemAllocManaged, &address, kSize,
                 CU_MEM_ATTACH_SINGLE);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemAllocManaged, &address, kSize,
                 CU_MEM_ATTACH_GLOBAL);
}

TEST_F(ManagedConformance, AddressesTellThatItIsManaged) {
  const CUdeviceptr managed = NewManaged();
  ASSERT_NE(managed, 0u);
  unsigned int is_managed = 0;
  void* host = nullptr;
  EXPECT_OK(PointerGetAttribute, &is_managed, CU_POINTER_ATTRIBUTE_IS_MANAGED,
            managed + 8);
  EXPECT_EQ(is_managed & 0xff, 1u);
  EXPECT_OK(PointerGetAttribute, &host, CU_POINTER_ATTRIBUTE_HOST_POINTER,
            managed + 8);
  EXPECT_EQ(Address(host), managed + 8);
}

TEST_F(ManagedConformance, TakesAdvice) {
  const CUdeviceptr managed = NewManaged();
  ASSERT_NE(managed, 0u);
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY, managed), 0);
  EXPECT_OK(MemAdvise, managed, kSize, CU_MEM_ADVISE_SET_READ_MOSTLY, Device());
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY, managed), 1);
  EXPECT_OK(MemAdvise, managed, kSize, CU_MEM_ADVISE_UNSET_READ_MOSTLY,
            Device());
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY, managed), 0);
}

TEST_F(ManagedConformance, KeepsAPreferredLocation) {
  const CUdeviceptr managed = NewManaged();
  ASSERT_NE(managed, 0u);
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION, managed),
            CU_DEVICE_INVALID);
  EXPECT_OK(MemAdvise, managed, kSize, CU_MEM_ADVISE_SET_PREFERRED_LOCATION,
            Device());
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION, managed), 0);
  EXPECT_OK(MemAdvise, managed, kSize, CU_MEM_ADVISE_SET_PREFERRED_LOCATION,
            {CU_MEM_LOCATION_TYPE_HOST, 0});
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION, managed),
            CU_DEVICE_CPU);
  EXPECT_OK(MemAdvise, managed, kSize, CU_MEM_ADVISE_UNSET_PREFERRED_LOCATION,
            Device());
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION, managed),
            CU_DEVICE_INVALID);
}

TEST_F(ManagedConformance, KeepsWhoAccessesIt) {
  const CUdeviceptr managed = NewManaged();
  ASSERT_NE(managed, 0u);
  EXPECT_OK(MemAdvise, managed, kSize, CU_MEM_ADVISE_SET_ACCESSED_BY, Device());
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_ACCESSED_BY, managed), 0);
  EXPECT_OK(MemAdvise, managed, kSize, CU_MEM_ADVISE_UNSET_ACCESSED_BY,
            Device());
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_ACCESSED_BY, managed),
            CU_DEVICE_INVALID);
}

TEST_F(ManagedConformance, AdviceRefusesMisuse) {
  const CUdeviceptr managed = NewManaged(), linear = NewLinear(kSize);
  ASSERT_NE(managed, 0u);
  EXPECT_REFUSED(INVALID_VALUE, MemAdvise, managed, kSize,
                 static_cast<CUmem_advise>(99), Device());
  EXPECT_REFUSED(INVALID_VALUE, MemAdvise, linear, kSize,
                 CU_MEM_ADVISE_SET_READ_MOSTLY, Device());
  EXPECT_REFUSED(INVALID_VALUE, MemAdvise, managed, 0,
                 CU_MEM_ADVISE_SET_READ_MOSTLY, Device());
  // Measured: not INVALID_DEVICE, which a prefetch answers.
  EXPECT_REFUSED(INVALID_VALUE, MemAdvise, managed, kSize,
                 CU_MEM_ADVISE_SET_PREFERRED_LOCATION, Device(kNoDevice));
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemAdvise, managed, kSize,
                 CU_MEM_ADVISE_SET_READ_MOSTLY, Device());
}

TEST_F(ManagedConformance, MovesAhead) {
  const CUdeviceptr managed = NewManaged();
  ASSERT_NE(managed, 0u);
  std::memset(Pointer(managed), 0x5a, kSize);
  const CUstream stream = NewStream();
  EXPECT_OK(MemPrefetchAsync, managed, kSize, Device(), 0, stream);
  EXPECT_OK(StreamSynchronize, stream);
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION, managed), 0);
  EXPECT_EQ(Read(managed + kSize - 4), 0x5a5a5a5au);
  EXPECT_OK(MemPrefetchAsync, managed, kSize, {CU_MEM_LOCATION_TYPE_HOST, 0}, 0,
            stream);
  EXPECT_OK(StreamSynchronize, stream);
  EXPECT_EQ(Range(CU_MEM_RANGE_ATTRIBUTE_LAST_PREFETCH_LOCATION, managed),
            CU_DEVICE_CPU);
}

// As measured: a device that does not read pageable memory still says yes.
TEST_F(ManagedConformance, PrefetchRefusesMisuse) {
  const CUdeviceptr managed = NewManaged(), linear = NewLinear(kSize);
  ASSERT_NE(managed, 0u);
  const CUstream stream = NewStream();
  EXPECT_REFUSED(INVALID_VALUE, MemPrefetchAsync, managed, 0, Device(), 0,
                 stream);
  EXPECT_REFUSED(INVALID_VALUE, MemPrefetchAsync, linear, kSize, Device(), 0,
                 stream);
  EXPECT_REFUSED(INVALID_VALUE, MemPrefetchAsync, managed, kSize, Device(), 1,
                 stream);
  EXPECT_REFUSED(INVALID_DEVICE, MemPrefetchAsync, managed, kSize,
                 Device(kNoDevice), 0, stream);
}

// As measured: error 1 for both, with attribute 88 zero.
TEST_F(ManagedConformance, PlainHostMemoryIsNoManagedMemory) {
  if (device().Attribute(CU_DEVICE_ATTRIBUTE_PAGEABLE_MEMORY_ACCESS) != 0) {
    GTEST_SKIP() << "it is, on this device";
  }
  std::vector<char> plain(kSize);
  EXPECT_REFUSED(INVALID_VALUE, MemAdvise, Address(plain.data()), kSize,
                 CU_MEM_ADVISE_SET_READ_MOSTLY, Device());
  EXPECT_REFUSED(INVALID_VALUE, MemPrefetchAsync, Address(plain.data()), kSize,
                 Device(), 0, nullptr);
}

TEST_F(ManagedConformance, TellsManyRangeAttributes) {
  const CUdeviceptr managed = NewManaged();
  ASSERT_NE(managed, 0u);
  int32_t read_mostly = 77, preferred = 77;
  void* data[] = {&read_mostly, &preferred};
  size_t sizes[] = {4, 4};
  CUmem_range_attribute attributes[] = {
      CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY,
      CU_MEM_RANGE_ATTRIBUTE_PREFERRED_LOCATION};
  EXPECT_OK(MemRangeGetAttributes, data, sizes, attributes, 2, managed, kSize);
  EXPECT_EQ(read_mostly, 0);
  EXPECT_EQ(preferred, CU_DEVICE_INVALID);
}

TEST_F(ManagedConformance, RangeAttributesRefuseMisuse) {
  const CUdeviceptr managed = NewManaged(), linear = NewLinear(kSize);
  ASSERT_NE(managed, 0u);
  int32_t value = 0;
  const auto attribute = CU_MEM_RANGE_ATTRIBUTE_READ_MOSTLY;
  EXPECT_REFUSED(INVALID_VALUE, MemRangeGetAttribute, nullptr, 4, attribute,
                 managed, kSize);
  EXPECT_REFUSED(INVALID_VALUE, MemRangeGetAttribute, &value, 3, attribute,
                 managed, kSize);
  EXPECT_REFUSED(INVALID_VALUE, MemRangeGetAttribute, &value, 4, attribute,
                 linear, kSize);
  EXPECT_REFUSED(INVALID_VALUE, MemRangeGetAttribute, &value, 4,
                 static_cast<CUmem_range_attribute>(99), managed, kSize);
  void* data[] = {&value};
  size_t sizes[] = {4};
  CUmem_range_attribute attributes[] = {attribute};
  EXPECT_REFUSED(INVALID_VALUE, MemRangeGetAttributes, nullptr, sizes,
                 attributes, 1, managed, kSize);
  EXPECT_REFUSED(INVALID_VALUE, MemRangeGetAttributes, data, sizes, attributes,
                 0, managed, kSize);
  EXPECT_REFUSED(INVALID_VALUE, MemRangeGetAttributes, data, sizes, attributes,
                 1, linear, kSize);
}

TEST_F(ManagedConformance, AttachesToAStream) {
  const CUdeviceptr managed = NewManaged(CU_MEM_ATTACH_HOST);
  ASSERT_NE(managed, 0u);
  const CUstream stream = NewStream(CU_STREAM_DEFAULT);
  EXPECT_OK(StreamAttachMemAsync, stream, managed, 0, CU_MEM_ATTACH_SINGLE);
  EXPECT_OK(StreamSynchronize, stream);
  EXPECT_OK(MemsetD32Async, managed, 42, 1, stream);
  EXPECT_OK(StreamSynchronize, stream);
  EXPECT_EQ(*reinterpret_cast<volatile uint32_t*>(managed), 42u);
  EXPECT_OK(StreamAttachMemAsync, stream, managed, kSize, CU_MEM_ATTACH_GLOBAL);
  EXPECT_OK(StreamSynchronize, stream);
}

TEST_F(ManagedConformance, AttachRefusesMisuse) {
  const CUdeviceptr managed = NewManaged(), linear = NewLinear(kSize);
  ASSERT_NE(managed, 0u);
  const CUstream stream = NewStream(CU_STREAM_DEFAULT);
  EXPECT_REFUSED(INVALID_VALUE, StreamAttachMemAsync, stream, managed, 0, 9);
  if (!device().is_hardware()) {  // driver 580.159.04 crashes
    EXPECT_REFUSED(INVALID_VALUE, StreamAttachMemAsync, stream, linear, 0,
                   CU_MEM_ATTACH_GLOBAL);
  }
  EXPECT_REFUSED(INVALID_VALUE, StreamAttachMemAsync, stream, managed, 4096,
                 CU_MEM_ATTACH_GLOBAL);
  EXPECT_REFUSED(INVALID_VALUE, StreamAttachMemAsync, nullptr, managed, 0,
                 CU_MEM_ATTACH_SINGLE);
}

}  // namespace
}  // namespace governor
