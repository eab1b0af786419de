// Linear memory, and what an address tells of itself.

#include <vector>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

class LinearConformance : public ConformanceTest {
 protected:
  template <typename T>
  T Ask(CUpointer_attribute attribute, CUdeviceptr address) {
    T value = {};
    EXPECT_OK(PointerGetAttribute, &value, attribute, address);
    return value;
  }
};

TEST_F(LinearConformance, TakesMemoryAndGivesItBack) {
  const size_t before = Free();
  CUdeviceptr address = 0;
  ASSERT_OK(MemAlloc, &address, 32 << 20);
  EXPECT_EQ(address % 256, 0u);
  EXPECT_GE(before - Free(), size_t{32} << 20);
  EXPECT_OK(MemFree, address);
  EXPECT_EQ(Free(), before);
}

TEST_F(LinearConformance, AllocRefusesMisuse) {
  CUdeviceptr address = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemAlloc, nullptr, 4);
  EXPECT_REFUSED(INVALID_VALUE, MemAlloc, &address, 0);
  EXPECT_REFUSED(OUT_OF_MEMORY, MemAlloc, &address, size_t{1} << 42);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemAlloc, &address, 4);
}

TEST_F(LinearConformance, FreeRefusesMisuse) {
  const CUdeviceptr linear = NewLinear(4096);
  const CUdeviceptr reserved = Reserve(block());
  EXPECT_REFUSED(INVALID_VALUE, MemFree, linear + 4);
  EXPECT_REFUSED(INVALID_VALUE, MemFree, reserved);
  Commit(reserved, block());
  EXPECT_REFUSED(INVALID_VALUE, MemFree, reserved);
  EXPECT_OK(MemFree, 0);
}

TEST_F(LinearConformance, FreeRefusesASecondTime) {
  CUdeviceptr address = 0;
  ASSERT_OK(MemAlloc, &address, 4096);
  EXPECT_OK(MemFree, address);
  EXPECT_REFUSED(INVALID_VALUE, MemFree, address);
}

// As measured: an address says whose memory it is.
TEST_F(LinearConformance, FreesWithoutACurrentContext) {
  CUdeviceptr address = 0;
  ASSERT_OK(MemAlloc, &address, 4096);
  const NoContext none;
  EXPECT_OK(MemFree, address);
}

TEST_F(LinearConformance, InfoTellsWhatIsAsked) {
  size_t free = 0, total = 0;
  EXPECT_OK(MemGetInfo, &free, nullptr);
  EXPECT_OK(MemGetInfo, nullptr, &total);
  EXPECT_GT(free, 0u);
  EXPECT_LE(free, total);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemGetInfo, &free, &total);
}

TEST_F(LinearConformance, TellsAddressRanges) {
  const CUdeviceptr linear = NewLinear(1000);
  CUdeviceptr base = 0;
  size_t size = 0;
  EXPECT_OK(MemGetAddressRange, &base, &size, linear + 999);
  EXPECT_EQ(base, linear);
  EXPECT_EQ(size, 1000u);
  EXPECT_OK(MemGetAddressRange, nullptr, nullptr, linear);
  const CUdeviceptr reserved = Reserve(2 * block());
  Commit(reserved, block());
  EXPECT_OK(MemGetAddressRange, &base, &size, reserved + 5);
  EXPECT_EQ(base, reserved);
  EXPECT_EQ(size, block());
}

TEST_F(LinearConformance, AddressRangeRefusesMisuse) {
  const CUdeviceptr linear = NewLinear(1000);
  const CUdeviceptr reserved = Reserve(block());
  CUdeviceptr base = 0;
  size_t size = 0;
  EXPECT_REFUSED(NOT_FOUND, MemGetAddressRange, &base, &size, 0);
  EXPECT_REFUSED(NOT_FOUND, MemGetAddressRange, &base, &size, reserved);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemGetAddressRange, &base, &size, linear);
}

// Unified addressing: an address tells what it is.
TEST_F(LinearConformance, LinearMemoryTellsWhatItIs) {
  const CUdeviceptr linear = NewLinear(1000), at = linear + 8;
  EXPECT_EQ(Ask<CUcontext>(CU_POINTER_ATTRIBUTE_CONTEXT, at),
            device().context());
  EXPECT_EQ(Ask<int>(CU_POINTER_ATTRIBUTE_MEMORY_TYPE, at),
            CU_MEMORYTYPE_DEVICE);
  EXPECT_EQ(Ask<CUdeviceptr>(CU_POINTER_ATTRIBUTE_DEVICE_POINTER, at), at);
  EXPECT_EQ(Ask<int>(CU_POINTER_ATTRIBUTE_IS_MANAGED, at), 0);
  EXPECT_EQ(Ask<int>(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, at), 0);
  EXPECT_EQ(Ask<CUdeviceptr>(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, at),
            linear);
  EXPECT_EQ(Ask<size_t>(CU_POINTER_ATTRIBUTE_RANGE_SIZE, at), 1000u);
  EXPECT_EQ(Ask<int>(CU_POINTER_ATTRIBUTE_MAPPED, at), 1);
}

TEST_F(LinearConformance, BuffersHaveIdsOfTheirOwn) {
  const CUdeviceptr a = NewLinear(1000), b = NewLinear(1000);
  const auto id = [&](CUdeviceptr address) {
    return Ask<unsigned long long>(  // NOLINT: CUDA's type
        CU_POINTER_ATTRIBUTE_BUFFER_ID, address);
  };
  EXPECT_EQ(id(a), id(a + 999));
  EXPECT_NE(id(a), id(b));
}

TEST_F(LinearConformance, HasNoHostPointer) {
  const CUdeviceptr linear = NewLinear(1000);
  void* host = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, PointerGetAttribute, &host,
                 CU_POINTER_ATTRIBUTE_HOST_POINTER, linear);
}

TEST_F(LinearConformance, PlainHostMemoryHasNoAttribute) {
  int on_the_stack = 0;
  unsigned int type = 7;
  EXPECT_REFUSED(INVALID_VALUE, PointerGetAttribute, &type,
                 CU_POINTER_ATTRIBUTE_MEMORY_TYPE, Address(&on_the_stack));
  EXPECT_REFUSED(INVALID_VALUE, PointerGetAttribute, nullptr,
                 CU_POINTER_ATTRIBUTE_MEMORY_TYPE, NewLinear(4));
}

// Asked for many at once, what is not there is no error.
TEST_F(LinearConformance, TellsManyAttributesAtOnce) {
  const CUdeviceptr linear = NewLinear(1000);
  int on_the_stack = 0;
  CUpointer_attribute attributes[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                      CU_POINTER_ATTRIBUTE_RANGE_SIZE};
  unsigned int type = 7;
  size_t size = 7;
  void* answers[] = {&type, &size};
  EXPECT_OK(PointerGetAttributes, 2, attributes, answers, linear);
  EXPECT_EQ(type, unsigned{CU_MEMORYTYPE_DEVICE});
  EXPECT_EQ(size, 1000u);
  EXPECT_OK(PointerGetAttributes, 2, attributes, answers,
            Address(&on_the_stack));
  EXPECT_EQ(type, 0u);
  EXPECT_EQ(size, 1000u);  // measured: left as it was
}

TEST_F(LinearConformance, ManyAttributesRefuseMisuse) {
  const CUdeviceptr linear = NewLinear(1000);
  CUpointer_attribute attributes[] = {CU_POINTER_ATTRIBUTE_MEMORY_TYPE};
  unsigned int type = 7;
  void* answers[] = {&type};
  EXPECT_REFUSED(INVALID_VALUE, PointerGetAttributes, 0, attributes, answers,
                 linear);
  EXPECT_REFUSED(INVALID_VALUE, PointerGetAttributes, 1, nullptr, answers,
                 linear);
  EXPECT_REFUSED(INVALID_VALUE, PointerGetAttributes, 1, attributes, nullptr,
                 linear);
  attributes[0] = static_cast<CUpointer_attribute>(77);
  EXPECT_REFUSED(INVALID_VALUE, PointerGetAttributes, 1, attributes, answers,
                 linear);
}

// The one attribute that may be set. Synchronizing copies of this memory then
// always wait.
TEST_F(LinearConformance, SetsSyncMemops) {
  const CUdeviceptr linear = NewLinear(1000);
  unsigned int on = 1;
  EXPECT_OK(PointerSetAttribute, &on, CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, linear);
  EXPECT_EQ(Ask<unsigned>(CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, linear), 1u);
}

TEST_F(LinearConformance, SetAttributeRefusesMisuse) {
  const CUdeviceptr linear = NewLinear(1000);
  unsigned int on = 1;
  int on_the_stack = 0;
  EXPECT_REFUSED(INVALID_VALUE, PointerSetAttribute, &on,
                 CU_POINTER_ATTRIBUTE_MEMORY_TYPE, linear);
  EXPECT_REFUSED(INVALID_VALUE, PointerSetAttribute, nullptr,
                 CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, linear);
  EXPECT_REFUSED(INVALID_VALUE, PointerSetAttribute, &on,
                 CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, Address(&on_the_stack));
}

TEST_F(LinearConformance, AllocatesRowsWithAPitch) {
  CUdeviceptr address = 0;
  size_t pitch = 0;
  ASSERT_OK(MemAllocPitch, &address, &pitch, 1000, 10, 4);
  EXPECT_GE(pitch, 1000u);
  EXPECT_EQ(pitch % 256, 0u);
  EXPECT_OK(MemsetD2D8, address, pitch, 7, 1000, 10);
  EXPECT_EQ(Read(address + 9 * pitch + 996), 0x07070707u);
  EXPECT_OK(MemFree, address);
}

TEST_F(LinearConformance, AllocPitchRefusesMisuse) {
  CUdeviceptr address = 0;
  size_t pitch = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemAllocPitch, nullptr, &pitch, 1000, 10, 4);
  EXPECT_REFUSED(INVALID_VALUE, MemAllocPitch, &address, nullptr, 1000, 10, 4);
  EXPECT_REFUSED(INVALID_VALUE, MemAllocPitch, &address, &pitch, 0, 10, 4);
  EXPECT_REFUSED(INVALID_VALUE, MemAllocPitch, &address, &pitch, 1000, 10, 3);
  EXPECT_REFUSED(OUT_OF_MEMORY, MemAllocPitch, &address, &pitch,
                 size_t{1} << 30, 1 << 12, 4);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemAllocPitch, &address, &pitch, 1000, 10, 4);
}

}  // namespace
}  // namespace governor
