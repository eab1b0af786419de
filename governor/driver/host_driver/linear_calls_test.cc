#include <cstring>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class LinearCallsTest : public HostDriverTest {
 protected:
  LinearCallsTest()
      : HostDriverTest("gb10,memory=1GiB,context=16MiB,devices=2"),
        page_(static_cast<uint64_t>(sysconf(_SC_PAGESIZE))) {}

  const Bytes page_;
};

TEST_F(LinearCallsTest, AllocatesWholePages) {
  const CUdeviceptr a = NewLinear(1), b = NewLinear(page_.count() + 1);
  EXPECT_NE(a, b);
  EXPECT_EQ(a % 256, 0u);
  EXPECT_EQ(driver_->physical_bytes(), page_ * 3);
  EXPECT_EQ(Free(), GiB(1) - MiB(16) - page_ * 3);
  EXPECT_EQ(driver_->live_objects().linear_allocations, 2u);
  EXPECT_EQ(driver_->live_objects().handles, 0u);
  EXPECT_EQ(driver_->live_objects().mappings, 0u);
  EXPECT_EQ(api_.MemFree(a), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(b), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(driver_->physical_high_water(), page_ * 3);
}

TEST_F(LinearCallsTest, NewMemoryReadsAsZero) {
  CUdeviceptr address = NewLinear(1 << 20);
  ASSERT_EQ(api_.MemsetD8(address, 0x5a, 1 << 20), CUDA_SUCCESS);
  ASSERT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  address = NewLinear(1 << 20);
  EXPECT_EQ(Read(address), 0u);
  EXPECT_EQ(Read(address + (1 << 20) - 4), 0u);
}

TEST_F(LinearCallsTest, AllocRefusesMisuse) {
  CUdeviceptr address = 77;
  EXPECT_EQ(api_.MemAlloc(nullptr, 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemAlloc(&address, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemAlloc(&address, GiB(1).count()), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(api_.MemAlloc(&address, ~size_t{0}), CUDA_ERROR_OUT_OF_MEMORY);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemAlloc(&address, 4), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(api_.MemAlloc(nullptr, 4), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(address, 77u);
  EXPECT_EQ(driver_->physical_high_water(), Bytes());
}

TEST_F(LinearCallsTest, FreeRefusesMisuse) {
  const CUdeviceptr address = NewLinear(100);
  const CUdeviceptr reserved = Reserve(kBlock);
  int on_the_stack = 0;
  EXPECT_EQ(api_.MemFree(address + 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFree(reserved), CUDA_ERROR_INVALID_VALUE);
  Commit(reserved);
  EXPECT_EQ(api_.MemFree(reserved), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFree(reinterpret_cast<CUdeviceptr>(&on_the_stack)),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(address), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFree(0), CUDA_SUCCESS);
}

// As measured: an address says whose memory it is.
TEST_F(LinearCallsTest, FreesWithoutACurrentContext) {
  const CUdeviceptr address = NewLinear(100);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(0), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
}

TEST_F(LinearCallsTest, AllocatesOnTheCurrentDevice) {
  CUcontext other = nullptr;
  ASSERT_EQ(api_.DevicePrimaryCtxRetain(&other, 1), CUDA_SUCCESS);
  ASSERT_EQ(api_.CtxPushCurrent(other), CUDA_SUCCESS);
  const CUdeviceptr address = NewLinear(kBlock);
  EXPECT_EQ(Free(), GiB(1) - MiB(18));
  ASSERT_EQ(api_.CtxPopCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(Free(), GiB(1) - MiB(16));
  int device = -1;
  EXPECT_EQ(api_.PointerGetAttribute(
                &device, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, address),
            CUDA_SUCCESS);
  EXPECT_EQ(device, 1);
}

TEST_F(LinearCallsTest, TellsFreeMemory) {
  size_t free = 0, total = 0;
  EXPECT_EQ(api_.MemGetInfo(&free, nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemGetInfo(nullptr, &total), CUDA_SUCCESS);
  EXPECT_EQ(Bytes(free), GiB(1) - MiB(16));
  EXPECT_EQ(Bytes(total), GiB(1));
  const CUmemGenericAllocationHandle chunk = NewChunk();
  EXPECT_EQ(Free(), GiB(1) - MiB(18));
  ASSERT_EQ(api_.MemRelease(chunk), CUDA_SUCCESS);
  EXPECT_EQ(Free(), GiB(1) - MiB(16));
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemGetInfo(&free, &total), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(LinearCallsTest, TellsFreeMemoryAsPlanned) {
  driver_->faults().SetFree(MiB(5));
  driver_->faults().ServeFree({MiB(1), GiB(9)});
  EXPECT_EQ(Free(), MiB(1));
  EXPECT_EQ(Free(), GiB(9));
  EXPECT_EQ(Free(), MiB(5));
  driver_->faults().Clear();
  EXPECT_EQ(Free(), GiB(1) - MiB(16));
}

TEST_F(LinearCallsTest, TellsAddressRanges) {
  const CUdeviceptr linear = NewLinear(1000);
  const CUdeviceptr reserved = Reserve(4 * kBlock);
  Commit(reserved + kBlock);
  Map(reserved + 2 * kBlock, kBlock, NewChunk());
  CUdeviceptr base = 0;
  size_t size = 0;
  const auto ask = [&](CUdeviceptr address) {
    return api_.MemGetAddressRange(&base, &size, address);
  };
  EXPECT_EQ(ask(linear + 999), CUDA_SUCCESS);
  EXPECT_EQ(base, linear);
  EXPECT_EQ(size, 1000u);
  // Of virtual memory management, the mapping, if it may be accessed.
  EXPECT_EQ(ask(reserved + kBlock + 5), CUDA_SUCCESS);
  EXPECT_EQ(base, reserved + kBlock);
  EXPECT_EQ(size, kBlock);
  EXPECT_EQ(ask(reserved), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(ask(reserved + 2 * kBlock), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(ask(linear + 1000), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(ask(0), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(ask(reinterpret_cast<CUdeviceptr>(&base)), CUDA_ERROR_NOT_FOUND);
  EXPECT_EQ(api_.MemGetAddressRange(nullptr, nullptr, linear), CUDA_SUCCESS);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(ask(linear), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(LinearCallsTest, AllocatesPitchedRows) {
  CUdeviceptr address = 0;
  size_t pitch = 0;
  const auto allocate = [&](size_t width, size_t height,
                            unsigned int element = 4) {
    return api_.MemAllocPitch(&address, &pitch, width, height, element);
  };
  EXPECT_EQ(allocate(0, 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(allocate(4, 0), CUDA_ERROR_INVALID_VALUE);
  for (const unsigned int element : {0, 1, 2, 12, 32}) {
    EXPECT_EQ(allocate(4, 4, element), CUDA_ERROR_INVALID_VALUE) << element;
  }
  EXPECT_EQ(allocate(~size_t{0}, 4), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(allocate(size_t{1} << 60, 16), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(allocate(GiB(2).count(), 1), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(api_.MemAllocPitch(nullptr, &pitch, 4, 4, 4),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemAllocPitch(&address, nullptr, 4, 4, 4),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(address, 0u);
  ASSERT_EQ(allocate(513, 16, 8), CUDA_SUCCESS);
  EXPECT_EQ(pitch, 1024u);
  EXPECT_EQ(address % 512, 0u);
  EXPECT_EQ(api_.MemsetD8(address, 1, 16 * pitch), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD8(address, 1, 16 * pitch + 1),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemFree(address), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
}

// The figure is the machine's where the memory is.
class MachineMemoryFreeTest : public HostDriverTest {
 protected:
  MachineMemoryFreeTest() : HostDriverTest("gb10") {}
};

TEST_F(MachineMemoryFreeTest, IsNoMoreThanMemFree) {
  ASSERT_EQ(driver_->personality().memory, GiB(8));
  EXPECT_LE(Free(), GiB(8) - driver_->personality().context);
  EXPECT_GT(Free(), Bytes());
  // What was given out and never touched is in nobody's MemFree.
  NewLinear(GiB(7).count());
  EXPECT_LE(Free(), MiB(512));
}

class PointerAttributesTest : public LinearCallsTest {
 protected:
  static constexpr uint64_t kUntouched = 0xeeeeeeeeeeeeeeee;

  PointerAttributesTest() {
    linear_ = NewLinear(1000);
    reserved_ = Reserve(4 * kBlock);
    Commit(reserved_ + kBlock);
    Map(reserved_ + 2 * kBlock, kBlock, NewChunk());
  }

  // The answer's bytes over a pattern, by either call, which agree on all that
  // applies to the address.
  uint64_t Ask(int attribute, CUdeviceptr address) {
    const auto number = static_cast<CUpointer_attribute>(attribute);
    uint64_t one = kUntouched, many = kUntouched;
    EXPECT_EQ(api_.PointerGetAttribute(&one, number, address), CUDA_SUCCESS);
    CUpointer_attribute numbers[] = {number};
    void* data[] = {&many};
    EXPECT_EQ(api_.PointerGetAttributes(1, numbers, data, address),
              CUDA_SUCCESS);
    EXPECT_EQ(one, many) << attribute;
    return one;
  }
  int AskInt(int attribute, CUdeviceptr address) {
    const uint64_t answer = Ask(attribute, address);
    // As measured: four bytes are written, and no more.
    EXPECT_EQ(answer >> 32, kUntouched >> 32) << attribute;
    return static_cast<int>(answer);
  }

  CUdeviceptr linear_ = 0, reserved_ = 0;
};

TEST_F(PointerAttributesTest, DescribeLinearMemory) {
  const CUdeviceptr at = linear_ + 8;
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_CONTEXT, at),
            reinterpret_cast<uintptr_t>(context_));
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_MEMORY_TYPE, at), CU_MEMORYTYPE_DEVICE);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_DEVICE_POINTER, at), at);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_SYNC_MEMOPS, at), 0);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_IS_MANAGED, at), 0);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, at), 0);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_IS_LEGACY_CUDA_IPC_CAPABLE, at), 1);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, at), linear_);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_RANGE_SIZE, at), 1000u);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_MAPPED, at), 1);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_ALLOWED_HANDLE_TYPES, at), 0u);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_IS_GPU_DIRECT_RDMA_CAPABLE, at), 0);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, at),
            CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_MEMPOOL_HANDLE, at), 0u);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR, at), linear_);
  EXPECT_EQ(Bytes(Ask(CU_POINTER_ATTRIBUTE_MAPPING_SIZE, at)), page_);
}

TEST_F(PointerAttributesTest, DescribeMappings) {
  const CUdeviceptr at = reserved_ + kBlock + 16;
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_CONTEXT, at), 0u);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_MEMORY_TYPE, at), CU_MEMORYTYPE_DEVICE);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_DEVICE_POINTER, at), at);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, at), reserved_);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_RANGE_SIZE, at), 4 * kBlock);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_MAPPING_BASE_ADDR, at),
            reserved_ + kBlock);
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_MAPPING_SIZE, at), kBlock);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, at),
            CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
  // Numbers that are the same for one buffer and differ for two.
  const CUdeviceptr other = reserved_ + 2 * kBlock;
  EXPECT_EQ(Ask(CU_POINTER_ATTRIBUTE_BUFFER_ID, at),
            Ask(CU_POINTER_ATTRIBUTE_BUFFER_ID, other));
  EXPECT_NE(Ask(CU_POINTER_ATTRIBUTE_BUFFER_ID, at),
            Ask(CU_POINTER_ATTRIBUTE_BUFFER_ID, linear_));
  EXPECT_NE(Ask(CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID, at),
            Ask(CU_POINTER_ATTRIBUTE_MEMORY_BLOCK_ID, other));
}

TEST_F(PointerAttributesTest, DescribeMappingsWithoutAccess) {
  const CUdeviceptr at = reserved_ + 2 * kBlock;
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_MAPPED, at), 1);
  EXPECT_EQ(AskInt(CU_POINTER_ATTRIBUTE_ACCESS_FLAGS, at), 0);
  uint64_t data = kUntouched;
  EXPECT_EQ(
      api_.PointerGetAttribute(&data, CU_POINTER_ATTRIBUTE_DEVICE_POINTER, at),
      CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(data, kUntouched);
}

// Of an address without memory nothing can be asked, one by one; all at once,
// what is not there reads as nothing.
TEST_F(PointerAttributesTest, AreNothingElsewhere) {
  uint64_t data = kUntouched;
  for (const CUdeviceptr at : {reserved_, reinterpret_cast<CUdeviceptr>(&data),
                               CUdeviceptr{0}, linear_ + 1000}) {
    for (int attribute = 0; attribute < 24; ++attribute) {
      EXPECT_EQ(api_.PointerGetAttribute(
                    &data, static_cast<CUpointer_attribute>(attribute), at),
                CUDA_ERROR_INVALID_VALUE);
    }
    EXPECT_EQ(data, kUntouched);

    CUpointer_attribute numbers[] = {
        CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
        CU_POINTER_ATTRIBUTE_RANGE_SIZE, CU_POINTER_ATTRIBUTE_HOST_POINTER};
    unsigned int type = 7;
    int device = 7;
    size_t size = 7;
    void* host = nullptr;
    void* answers[] = {&type, &device, &size, &host};
    EXPECT_EQ(api_.PointerGetAttributes(4, numbers, answers, at), CUDA_SUCCESS);
    EXPECT_EQ(type, 0u);
    EXPECT_EQ(device, CU_DEVICE_INVALID);
    // Measured: left as it was where nothing is known.
    EXPECT_EQ(size, at == reserved_ ? 4 * kBlock : 7);
    EXPECT_EQ(host, reinterpret_cast<void*>(at));
  }
}

TEST_F(PointerAttributesTest, SetWhetherCopiesAreSynchronous) {
  constexpr auto kSync = CU_POINTER_ATTRIBUTE_SYNC_MEMOPS;
  const auto set = [&](unsigned int on, CUdeviceptr at,
                       CUpointer_attribute attribute =
                           CU_POINTER_ATTRIBUTE_SYNC_MEMOPS) {
    return api_.PointerSetAttribute(&on, attribute, at);
  };
  EXPECT_EQ(set(1, linear_), CUDA_SUCCESS);
  EXPECT_EQ(AskInt(kSync, linear_), 1);
  EXPECT_EQ(set(0, linear_), CUDA_SUCCESS);
  EXPECT_EQ(AskInt(kSync, linear_), 0);
  // Measured.
  EXPECT_EQ(set(1, reserved_ + kBlock), CUDA_ERROR_NOT_SUPPORTED);
  EXPECT_EQ(set(1, linear_, CU_POINTER_ATTRIBUTE_MEMORY_TYPE),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(set(1, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.PointerSetAttribute(nullptr, kSync, linear_),
            CUDA_ERROR_INVALID_VALUE);
}

TEST_F(PointerAttributesTest, RefuseMisuse) {
  uint64_t data = kUntouched;
  CUpointer_attribute numbers[] = {CU_POINTER_ATTRIBUTE_RANGE_SIZE,
                                   CU_POINTER_ATTRIBUTE_MEMORY_TYPE};
  void* answers[] = {&data, nullptr};
  EXPECT_EQ(api_.PointerGetAttribute(nullptr, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                     linear_),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.PointerGetAttributes(0, numbers, answers, linear_),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.PointerGetAttributes(1, nullptr, answers, linear_),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.PointerGetAttributes(1, numbers, nullptr, linear_),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.PointerGetAttributes(2, numbers, answers, linear_),
            CUDA_ERROR_INVALID_VALUE);
  answers[1] = &data;
  for (const int unknown : {0, 5, 22, 77}) {
    numbers[1] = static_cast<CUpointer_attribute>(unknown);
    EXPECT_EQ(api_.PointerGetAttributes(2, numbers, answers, linear_),
              CUDA_ERROR_INVALID_VALUE)
        << unknown;
  }
  EXPECT_EQ(data, kUntouched);
}

}  // namespace
}  // namespace governor
