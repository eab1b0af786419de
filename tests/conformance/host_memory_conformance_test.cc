// Host memory that the driver gives out.

#include <cstring>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr size_t kSize = 1 << 20;

class HostMemoryConformance : public ConformanceTest {
 protected:
  // Null where the driver gave none, with the test failed.
  void* NewHost(unsigned int flags = 0) {
    void* memory = nullptr;
    EXPECT_OK(MemHostAlloc, &memory, kSize, flags);
    if (memory != nullptr) {
      Later([memory] { EXPECT_OK(MemFreeHost, memory); });
    }
    return memory;
  }
};

TEST_F(HostMemoryConformance, Allocates) {
  const size_t before = Free();
  void* memory = nullptr;
  ASSERT_OK(MemAllocHost, &memory, kSize);
  std::memset(memory, 0x5a, kSize);
  // None of the device's, unless the two have one memory.
  if (device().Attribute(CU_DEVICE_ATTRIBUTE_INTEGRATED) == 0) {
    EXPECT_EQ(Free(), before);
  }
  const CUdeviceptr linear = NewLinear(kSize);
  EXPECT_OK(MemcpyHtoD, linear, memory, kSize);
  EXPECT_EQ(Read(linear + kSize - 4), 0x5a5a5a5au);
  EXPECT_OK(MemFreeHost, memory);
}

TEST_F(HostMemoryConformance, AllocRefusesMisuse) {
  void* memory = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, MemAllocHost, nullptr, kSize);
  EXPECT_REFUSED(INVALID_VALUE, MemHostAlloc, nullptr, kSize, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemHostAlloc, &memory, kSize, 0x80);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemAllocHost, &memory, kSize);
  EXPECT_REFUSED(INVALID_CONTEXT, MemHostAlloc, &memory, kSize, 0);
}

// Measured: no error, and nothing.
TEST_F(HostMemoryConformance, AllocatesNothing) {
  void* memory = &memory;
  EXPECT_OK(MemAllocHost, &memory, 0);
  EXPECT_EQ(memory, nullptr);
  memory = &memory;
  EXPECT_OK(MemHostAlloc, &memory, 0, 0);
  EXPECT_EQ(memory, nullptr);
  EXPECT_OK(MemFreeHost, nullptr);
}

TEST_F(HostMemoryConformance, FreeRefusesMisuse) {
  int on_the_stack = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemFreeHost, &on_the_stack);
  const CUdeviceptr linear = NewLinear(kSize);
  EXPECT_REFUSED(INVALID_VALUE, MemFreeHost, Pointer(linear));
}

TEST_F(HostMemoryConformance, FreesOnce) {
  void* memory = nullptr;
  ASSERT_OK(MemAllocHost, &memory, kSize);
  EXPECT_OK(MemFreeHost, memory);
  EXPECT_REFUSED(INVALID_VALUE, MemFreeHost, memory);
}

// With unified addressing the device uses the host's address.
TEST_F(HostMemoryConformance, TheDeviceHasTheSameAddress) {
  for (const unsigned flags : {0u, unsigned{CU_MEMHOSTALLOC_DEVICEMAP},
                               unsigned{CU_MEMHOSTALLOC_PORTABLE}}) {
    void* const memory = NewHost(flags);
    ASSERT_NE(memory, nullptr);
    CUdeviceptr address = 0;
    EXPECT_OK(MemHostGetDevicePointer, &address, memory, 0);
    EXPECT_EQ(Pointer(address), memory);
  }
}

TEST_F(HostMemoryConformance, TheDeviceReadsAndWritesIt) {
  auto* const words =
      static_cast<volatile uint32_t*>(NewHost(CU_MEMHOSTALLOC_DEVICEMAP));
  ASSERT_NE(words, nullptr);
  const CUdeviceptr address = Address(const_cast<uint32_t*>(words));
  words[1] = 1;
  EXPECT_OK(MemsetD32, address, 42, 1);
  EXPECT_OK(CtxSynchronize);
  EXPECT_EQ(words[0], 42u);
  EXPECT_EQ(words[1], 1u);
  const CUdeviceptr linear = NewLinear(8);
  EXPECT_OK(MemcpyDtoD, linear, address, 8);
  EXPECT_EQ(Read(linear + 4), 1u);
}

TEST_F(HostMemoryConformance, DevicePointerRefusesMisuse) {
  void* const memory = NewHost();
  ASSERT_NE(memory, nullptr);
  int on_the_stack = 0;
  CUdeviceptr address = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemHostGetDevicePointer, &address,
                 &on_the_stack, 0);
  EXPECT_REFUSED(INVALID_VALUE, MemHostGetDevicePointer, &address, memory, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemHostGetDevicePointer, nullptr, memory, 0);
}

// Measured: mapped for the device in any case. Portable is sometimes forgotten
// there, where every allocation is.
TEST_F(HostMemoryConformance, TellsFlagsBack) {
  for (const unsigned flags :
       {0u, unsigned{CU_MEMHOSTALLOC_DEVICEMAP},
        unsigned{CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_PORTABLE},
        unsigned{CU_MEMHOSTALLOC_DEVICEMAP | CU_MEMHOSTALLOC_WRITECOMBINED}}) {
    void* const memory = NewHost(flags);
    ASSERT_NE(memory, nullptr);
    unsigned int got = 77;
    EXPECT_OK(MemHostGetFlags, &got, memory);
    EXPECT_EQ(got & ~unsigned{CU_MEMHOSTALLOC_PORTABLE},
              (flags | CU_MEMHOSTALLOC_DEVICEMAP) &
                  ~unsigned{CU_MEMHOSTALLOC_PORTABLE});
  }
}

TEST_F(HostMemoryConformance, FlagsRefuseMisuse) {
  void* const memory = NewHost();
  ASSERT_NE(memory, nullptr);
  int on_the_stack = 0;
  unsigned int flags = 0;
  EXPECT_REFUSED(INVALID_VALUE, MemHostGetFlags, &flags, &on_the_stack);
  EXPECT_REFUSED(INVALID_VALUE, MemHostGetFlags, nullptr, memory);
}

TEST_F(HostMemoryConformance, AddressesTellThatItIsHostMemory) {
  void* const memory = NewHost();
  ASSERT_NE(memory, nullptr);
  unsigned int type = 0;
  void* host = nullptr;
  EXPECT_OK(PointerGetAttribute, &type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
            Address(memory) + 8);
  EXPECT_EQ(type, unsigned{CU_MEMORYTYPE_HOST});
  EXPECT_OK(PointerGetAttribute, &host, CU_POINTER_ATTRIBUTE_HOST_POINTER,
            Address(memory) + 8);
  EXPECT_EQ(host, static_cast<char*>(memory) + 8);
}

TEST_F(HostMemoryConformance, CopiesInOrderFromIt) {
  auto* const words = static_cast<uint32_t*>(NewHost());
  ASSERT_NE(words, nullptr);
  const CUstream stream = NewStream();
  const CUdeviceptr linear = NewLinear(kSize);
  words[0] = 42;
  EXPECT_OK(MemcpyHtoDAsync, linear, words, kSize, stream);
  EXPECT_OK(MemcpyDtoHAsync, words + 1, linear, 4, stream);
  EXPECT_OK(StreamSynchronize, stream);
  EXPECT_EQ(words[1], 42u);
}

}  // namespace
}  // namespace governor
