// Arrays and mipmapped arrays.

#include <vector>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr size_t kWidth = 64, kHeight = 16;

CUDA_ARRAY_DESCRIPTOR Plain(size_t height = kHeight) {
  CUDA_ARRAY_DESCRIPTOR descriptor = {};
  descriptor.Width = kWidth;
  descriptor.Height = height;
  descriptor.Format = CU_AD_FORMAT_UNSIGNED_INT32;
  descriptor.NumChannels = 1;
  return descriptor;
}

CUDA_ARRAY3D_DESCRIPTOR Deep(unsigned int flags = 0) {
  CUDA_ARRAY3D_DESCRIPTOR descriptor = {};
  descriptor.Width = kWidth;
  descriptor.Height = kHeight;
  descriptor.Depth = 4;
  descriptor.Format = CU_AD_FORMAT_FLOAT;
  descriptor.NumChannels = 2;
  descriptor.Flags = flags;
  return descriptor;
}

class ArrayConformance : public ConformanceTest {
 protected:
  CUarray NewArray(size_t height) {
    const CUDA_ARRAY_DESCRIPTOR descriptor = Plain(height);
    CUarray array = nullptr;
    EXPECT_OK(ArrayCreate, &array, &descriptor);
    if (array != nullptr) {
      Later([array] { EXPECT_OK(ArrayDestroy, array); });
    }
    return array;
  }
};

TEST_F(ArrayConformance, TellsItsDescriptorBack) {
  const CUarray array = NewArray(kHeight);
  ASSERT_NE(array, nullptr);
  CUDA_ARRAY_DESCRIPTOR got = {};
  EXPECT_OK(ArrayGetDescriptor, &got, array);
  EXPECT_EQ(got.Width, kWidth);
  EXPECT_EQ(got.Height, kHeight);
  EXPECT_EQ(got.Format, CU_AD_FORMAT_UNSIGNED_INT32);
  EXPECT_EQ(got.NumChannels, 1u);
}

TEST_F(ArrayConformance, CreateRefusesMisuse) {
  const CUDA_ARRAY_DESCRIPTOR good = Plain();
  CUDA_ARRAY_DESCRIPTOR odd = good;
  CUarray array = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, ArrayCreate, nullptr, &good);
  EXPECT_REFUSED(INVALID_VALUE, ArrayCreate, &array, nullptr);
  odd.NumChannels = 3;
  EXPECT_REFUSED(INVALID_VALUE, ArrayCreate, &array, &odd);
  odd = good;
  odd.Width = 0;
  EXPECT_REFUSED(INVALID_VALUE, ArrayCreate, &array, &odd);
  odd = good;
  odd.Format = static_cast<CUarray_format>(0x7f);
  EXPECT_REFUSED(INVALID_VALUE, ArrayCreate, &array, &odd);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, ArrayCreate, &array, &good);
}

TEST_F(ArrayConformance, DescriptorRefusesMisuse) {
  const CUarray array = NewArray(kHeight);
  ASSERT_NE(array, nullptr);
  CUDA_ARRAY_DESCRIPTOR got = {};
  EXPECT_REFUSED(INVALID_VALUE, ArrayGetDescriptor, nullptr, array);
  EXPECT_REFUSED(INVALID_HANDLE, ArrayGetDescriptor, &got, nullptr);
}

TEST_F(ArrayConformance, DestroyRefusesNull) {
  EXPECT_REFUSED(INVALID_HANDLE, ArrayDestroy, nullptr);
}

TEST_F(ArrayConformance, StaleArraysAreRefused) {
  HOST_DRIVER_ONLY();
  const CUDA_ARRAY_DESCRIPTOR descriptor = Plain();
  CUarray array = nullptr;
  ASSERT_OK(ArrayCreate, &array, &descriptor);
  EXPECT_OK(ArrayDestroy, array);
  EXPECT_REFUSED(INVALID_HANDLE, ArrayDestroy, array);
  CUDA_ARRAY_DESCRIPTOR got = {};
  EXPECT_REFUSED(INVALID_HANDLE, ArrayGetDescriptor, &got, array);
}

TEST_F(ArrayConformance, TakesDeviceMemory) {
  CUDA_ARRAY_DESCRIPTOR large = Plain();
  large.Width = 4096;
  large.Height = 4096;  // 64 MiB
  const size_t before = Free();
  CUarray array = nullptr;
  ASSERT_OK(ArrayCreate, &array, &large);
  EXPECT_GE(before - Free(), size_t{64} << 20);
  EXPECT_OK(ArrayDestroy, array);
  EXPECT_EQ(Free(), before);
}

TEST_F(ArrayConformance, TellsADeepDescriptorBack) {
  const CUDA_ARRAY3D_DESCRIPTOR wanted = Deep();
  CUDA_ARRAY3D_DESCRIPTOR got = {};
  CUarray array = nullptr;
  ASSERT_OK(Array3DCreate, &array, &wanted);
  EXPECT_OK(Array3DGetDescriptor, &got, array);
  EXPECT_EQ(got.Width, kWidth);
  EXPECT_EQ(got.Height, kHeight);
  EXPECT_EQ(got.Depth, 4u);
  EXPECT_EQ(got.Format, CU_AD_FORMAT_FLOAT);
  EXPECT_EQ(got.NumChannels, 2u);
  EXPECT_EQ(got.Flags, 0u);
  EXPECT_OK(ArrayDestroy, array);
}

// A cube has six square faces.
TEST_F(ArrayConformance, Create3DRefusesMisuse) {
  const CUDA_ARRAY3D_DESCRIPTOR good = Deep();
  CUDA_ARRAY3D_DESCRIPTOR odd = good;
  CUarray array = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, Array3DCreate, nullptr, &good);
  EXPECT_REFUSED(INVALID_VALUE, Array3DCreate, &array, nullptr);
  odd.NumChannels = 5;
  EXPECT_REFUSED(INVALID_VALUE, Array3DCreate, &array, &odd);
  odd = good;
  odd.Flags = CUDA_ARRAY3D_CUBEMAP;
  EXPECT_REFUSED(INVALID_VALUE, Array3DCreate, &array, &odd);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, Array3DCreate, &array, &good);
}

TEST_F(ArrayConformance, DeepDescriptorRefusesMisuse) {
  const CUarray array = NewArray(kHeight);
  ASSERT_NE(array, nullptr);
  CUDA_ARRAY3D_DESCRIPTOR got = {};
  EXPECT_REFUSED(INVALID_VALUE, Array3DGetDescriptor, nullptr, array);
  EXPECT_REFUSED(INVALID_HANDLE, Array3DGetDescriptor, &got, nullptr);
}

// Of arrays whose memory is mapped later, and of no others.
TEST_F(ArrayConformance, TellsWhatMemoryItNeeds) {
  const CUDA_ARRAY3D_DESCRIPTOR descriptor =
      Deep(CUDA_ARRAY3D_DEFERRED_MAPPING);
  CUarray array = nullptr;
  ASSERT_OK(Array3DCreate, &array, &descriptor);
  CUDA_ARRAY_MEMORY_REQUIREMENTS needs = {};
  EXPECT_OK(ArrayGetMemoryRequirements, &needs, array, 0);
  EXPECT_GE(needs.size, kWidth * kHeight * 4 * 8);
  EXPECT_GT(needs.alignment, 0u);
  EXPECT_OK(ArrayDestroy, array);
}

TEST_F(ArrayConformance, MemoryRequirementsRefuseMisuse) {
  const CUarray array = NewArray(kHeight);
  ASSERT_NE(array, nullptr);
  CUDA_ARRAY_MEMORY_REQUIREMENTS needs = {};
  EXPECT_REFUSED(INVALID_VALUE, ArrayGetMemoryRequirements, &needs, array, 0);
  EXPECT_REFUSED(INVALID_VALUE, ArrayGetMemoryRequirements, nullptr, array, 0);
}

TEST_F(ArrayConformance, CopiesThroughArrays) {
  const CUarray a = NewArray(0), b = NewArray(0);
  ASSERT_NE(a, nullptr);
  ASSERT_NE(b, nullptr);
  std::vector<uint32_t> host(kWidth), got(kWidth);
  for (size_t i = 0; i < kWidth; ++i) host[i] = 1000 + i;
  const size_t size = kWidth * 4;
  const CUdeviceptr linear = NewLinear(size);
  EXPECT_OK(MemcpyHtoA, a, 0, host.data(), size);
  EXPECT_OK(MemcpyAtoA, b, 0, a, 0, size);
  EXPECT_OK(MemcpyAtoD, linear, b, 0, size);
  EXPECT_EQ(Read(linear + size - 4), host.back());
  EXPECT_OK(MemsetD32, linear, 7, kWidth);
  EXPECT_OK(MemcpyDtoA, a, 0, linear, size);
  EXPECT_OK(MemcpyAtoH, got.data(), a, 0, size);
  EXPECT_EQ(got, std::vector<uint32_t>(kWidth, 7));
}

TEST_F(ArrayConformance, CopiesAPartOfAnArray) {
  const CUarray array = NewArray(0);
  ASSERT_NE(array, nullptr);
  const std::vector<uint32_t> zero(kWidth);
  uint32_t word = 42;
  EXPECT_OK(MemcpyHtoA, array, 0, zero.data(), kWidth * 4);
  EXPECT_OK(MemcpyHtoA, array, 8, &word, 4);
  std::vector<uint32_t> got(4);
  EXPECT_OK(MemcpyAtoH, got.data(), array, 4, 16);
  EXPECT_EQ(got, (std::vector<uint32_t>{0, 42, 0, 0}));
}

TEST_F(ArrayConformance, CopiesRefuseMisuse) {
  const CUarray array = NewArray(0);
  ASSERT_NE(array, nullptr);
  std::vector<uint32_t> host(2 * kWidth);
  const size_t size = kWidth * 4;
  const CUdeviceptr linear = NewLinear(2 * size);
  EXPECT_REFUSED(INVALID_VALUE, MemcpyHtoA, array, 4, host.data(), size);
  EXPECT_REFUSED(INVALID_VALUE, MemcpyAtoH, host.data(), array, 4, size);
  EXPECT_REFUSED(INVALID_VALUE, MemcpyDtoA, array, 4, linear, size);
  EXPECT_REFUSED(INVALID_VALUE, MemcpyAtoD, linear, array, 4, size);
  EXPECT_REFUSED(INVALID_VALUE, MemcpyAtoA, array, 4, array, 0, size);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MemcpyHtoA, array, 0, host.data(), 4);
  EXPECT_REFUSED(INVALID_CONTEXT, MemcpyAtoH, host.data(), array, 0, 4);
}

TEST_F(ArrayConformance, MipmapsHaveLevels) {
  CUDA_ARRAY3D_DESCRIPTOR descriptor = Deep();
  descriptor.Depth = 0;
  CUmipmappedArray mipmap = nullptr;
  ASSERT_OK(MipmappedArrayCreate, &mipmap, &descriptor, 3);
  for (unsigned level = 0; level < 3; ++level) {
    CUarray array = nullptr;
    EXPECT_OK(MipmappedArrayGetLevel, &array, mipmap, level);
    CUDA_ARRAY_DESCRIPTOR got = {};
    EXPECT_OK(ArrayGetDescriptor, &got, array);
    EXPECT_EQ(got.Width, kWidth >> level);
    EXPECT_EQ(got.Height, kHeight >> level);
  }
  EXPECT_OK(MipmappedArrayDestroy, mipmap);
}

TEST_F(ArrayConformance, MipmapsRefuseMisuse) {
  CUDA_ARRAY3D_DESCRIPTOR descriptor = Deep();
  descriptor.Depth = 0;
  CUmipmappedArray mipmap = nullptr;
  CUarray array = nullptr;
  EXPECT_REFUSED(INVALID_VALUE, MipmappedArrayCreate, nullptr, &descriptor, 3);
  EXPECT_REFUSED(INVALID_VALUE, MipmappedArrayCreate, &mipmap, nullptr, 3);
  ASSERT_OK(MipmappedArrayCreate, &mipmap, &descriptor, 3);
  EXPECT_REFUSED(INVALID_VALUE, MipmappedArrayGetLevel, &array, mipmap, 3);
  EXPECT_REFUSED(INVALID_VALUE, MipmappedArrayGetLevel, nullptr, mipmap, 0);
  EXPECT_REFUSED(INVALID_HANDLE, MipmappedArrayGetLevel, &array, nullptr, 0);
  CUDA_ARRAY_MEMORY_REQUIREMENTS needs = {};
  EXPECT_REFUSED(INVALID_VALUE, MipmappedArrayGetMemoryRequirements, &needs,
                 mipmap, 0);
  EXPECT_OK(MipmappedArrayDestroy, mipmap);
  EXPECT_REFUSED(INVALID_HANDLE, MipmappedArrayDestroy, nullptr);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, MipmappedArrayCreate, &mipmap, &descriptor,
                 3);
}

TEST_F(ArrayConformance, MipmapsTellWhatMemoryTheyNeed) {
  CUDA_ARRAY3D_DESCRIPTOR descriptor = Deep(CUDA_ARRAY3D_DEFERRED_MAPPING);
  descriptor.Depth = 0;
  CUmipmappedArray mipmap = nullptr;
  ASSERT_OK(MipmappedArrayCreate, &mipmap, &descriptor, 3);
  CUDA_ARRAY_MEMORY_REQUIREMENTS needs = {};
  EXPECT_OK(MipmappedArrayGetMemoryRequirements, &needs, mipmap, 0);
  EXPECT_GE(needs.size, kWidth * kHeight * 8);
  EXPECT_OK(MipmappedArrayDestroy, mipmap);
}

}  // namespace
}  // namespace governor
