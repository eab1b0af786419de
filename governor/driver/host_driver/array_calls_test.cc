#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

CUDA_ARRAY3D_DESCRIPTOR Floats(size_t width, size_t height = 0,
                               size_t depth = 0, unsigned int flags = 0) {
  return {.Width = width,
          .Height = height,
          .Depth = depth,
          .Format = CU_AD_FORMAT_FLOAT,
          .NumChannels = 1,
          .Flags = flags};
}

class ArrayCallsTest : public HostDriverTest {
 protected:
  ArrayCallsTest() : HostDriverTest("h200,memory=1GiB,context=16MiB") {}

  CUresult Try(const CUDA_ARRAY3D_DESCRIPTOR& descriptor) {
    CUarray array = nullptr;
    const CUresult result = api_.Array3DCreate(&array, &descriptor);
    if (result == CUDA_SUCCESS) {
      EXPECT_EQ(api_.ArrayDestroy(array), CUDA_SUCCESS);
    }
    return result;
  }

  CUarray New(const CUDA_ARRAY3D_DESCRIPTOR& descriptor) {
    CUarray array = nullptr;
    EXPECT_EQ(api_.Array3DCreate(&array, &descriptor), CUDA_SUCCESS);
    return array;
  }

  CUmipmappedArray NewMipmap(const CUDA_ARRAY3D_DESCRIPTOR& descriptor,
                             unsigned int levels) {
    CUmipmappedArray mipmap = nullptr;
    EXPECT_EQ(api_.MipmappedArrayCreate(&mipmap, &descriptor, levels),
              CUDA_SUCCESS);
    return mipmap;
  }

  CUDA_ARRAY3D_DESCRIPTOR Describe(CUarray array) {
    CUDA_ARRAY3D_DESCRIPTOR descriptor = {};
    EXPECT_EQ(api_.Array3DGetDescriptor(&descriptor, array), CUDA_SUCCESS);
    return descriptor;
  }

  const CUarray kForeign = reinterpret_cast<CUarray>(0x1230);
};

TEST_F(ArrayCallsTest, GivesDescriptorsBack) {
  const CUDA_ARRAY_DESCRIPTOR asked = {.Width = 64,
                                       .Height = 48,
                                       .Format = CU_AD_FORMAT_UNSIGNED_INT8,
                                       .NumChannels = 4};
  CUarray flat = nullptr;
  ASSERT_EQ(api_.ArrayCreate(&flat, &asked), CUDA_SUCCESS);
  CUDA_ARRAY_DESCRIPTOR got = {};
  EXPECT_EQ(api_.ArrayGetDescriptor(&got, flat), CUDA_SUCCESS);
  EXPECT_EQ(got.Width, 64u);
  EXPECT_EQ(got.Height, 48u);
  EXPECT_EQ(got.Format, CU_AD_FORMAT_UNSIGNED_INT8);
  EXPECT_EQ(got.NumChannels, 4u);
  EXPECT_EQ(Describe(flat).Depth, 0u);

  const CUarray deep = New(Floats(8, 4, 2, CUDA_ARRAY3D_SURFACE_LDST));
  EXPECT_EQ(Describe(deep).Depth, 2u);
  EXPECT_EQ(Describe(deep).Flags, CUDA_ARRAY3D_SURFACE_LDST);
  EXPECT_EQ(driver_->live_objects().arrays, 2u);
}

TEST_F(ArrayCallsTest, TakesMemoryOfTheDevice) {
  const Bytes before = Free();
  const CUarray array = New(Floats(1024, 1024));
  EXPECT_EQ(driver_->physical_bytes(), MiB(4));
  EXPECT_EQ(Free(), before - MiB(4));
  EXPECT_EQ(api_.ArrayDestroy(array), CUDA_SUCCESS);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
  EXPECT_EQ(Try(Floats(16384, 16384)), CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(driver_->live_objects().arrays, 0u);
}

TEST_F(ArrayCallsTest, KnowsTheKinds) {
  constexpr unsigned int kLayered = CUDA_ARRAY3D_LAYERED,
                         kCube = CUDA_ARRAY3D_CUBEMAP,
                         kGather = CUDA_ARRAY3D_TEXTURE_GATHER;
  EXPECT_EQ(Try(Floats(131072)), CUDA_SUCCESS);
  EXPECT_EQ(Try(Floats(131073)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(0)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(131072, 1)), CUDA_SUCCESS);
  EXPECT_EQ(Try(Floats(1, 65536)), CUDA_SUCCESS);
  EXPECT_EQ(Try(Floats(1, 65537)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(1, 1, 32768)), CUDA_SUCCESS);  // by the alternate
  EXPECT_EQ(Try(Floats(16384, 1, 32768)), CUDA_ERROR_INVALID_VALUE);
  // A depth without a height is for layers.
  EXPECT_EQ(Try(Floats(8, 0, 4)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(8, 0, 4, kLayered)), CUDA_SUCCESS);
  EXPECT_EQ(Try(Floats(8, 8, 2048, kLayered)), CUDA_SUCCESS);
  EXPECT_EQ(Try(Floats(8, 8, 2049, kLayered)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(8, 8, 0, kLayered)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(8, 8, 6, kCube)), CUDA_SUCCESS);
  EXPECT_EQ(Try(Floats(8, 8, 12, kCube)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(8, 8, 12, kCube | kLayered)), CUDA_SUCCESS);
  EXPECT_EQ(Try(Floats(8, 8, 13, kCube | kLayered)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(8, 4, 6, kCube)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(32768, 1, 0, kGather)), CUDA_SUCCESS);
  EXPECT_EQ(Try(Floats(32769, 1, 0, kGather)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(8, 0, 0, kGather)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(8, 8, 8, kGather)), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(32769, 0, 0, CUDA_ARRAY3D_SURFACE_LDST)),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Try(Floats(8, 8, 0, 0x200)), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(ArrayCallsTest, KnowsTheFormats) {
  const auto with = [&](int format, unsigned int channels) {
    CUDA_ARRAY3D_DESCRIPTOR descriptor = Floats(8);
    descriptor.Format = static_cast<CUarray_format>(format);
    descriptor.NumChannels = channels;
    return Try(descriptor);
  };
  for (const int format : {1, 2, 3, 8, 9, 10, 0x10, 0x20}) {
    for (const unsigned int channels : {1, 2, 4}) {
      EXPECT_EQ(with(format, channels), CUDA_SUCCESS) << format;
    }
    for (const unsigned int channels : {0, 3, 5}) {
      EXPECT_EQ(with(format, channels), CUDA_ERROR_INVALID_VALUE) << format;
    }
  }
  EXPECT_EQ(with(0xc5, 4), CUDA_SUCCESS);  // UNORM_INT16X4
  EXPECT_EQ(with(0xc5, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(with(0xb0, 3), CUDA_ERROR_NOT_SUPPORTED);  // NV12
  for (const int format : {0, 4, 0x21, 0xcc}) {
    EXPECT_EQ(with(format, 1), CUDA_ERROR_INVALID_VALUE) << format;
  }
}

TEST_F(ArrayCallsTest, RefusesMisuse) {
  const CUDA_ARRAY3D_DESCRIPTOR descriptor = Floats(8);
  CUDA_ARRAY3D_DESCRIPTOR deep = {};
  CUDA_ARRAY_DESCRIPTOR flat = {};
  CUarray array = New(descriptor);
  EXPECT_EQ(api_.Array3DCreate(nullptr, &descriptor), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.Array3DCreate(&array, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.ArrayCreate(&array, nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.ArrayGetDescriptor(nullptr, array), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.Array3DGetDescriptor(nullptr, array),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.ArrayDestroy(array), CUDA_SUCCESS);
  for (const CUarray stale : {array, kForeign, CUarray{nullptr}}) {
    EXPECT_EQ(api_.ArrayDestroy(stale), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.ArrayGetDescriptor(&flat, stale), CUDA_ERROR_INVALID_HANDLE);
    EXPECT_EQ(api_.Array3DGetDescriptor(&deep, stale),
              CUDA_ERROR_INVALID_HANDLE);
  }
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.Array3DCreate(&array, &descriptor),
            CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(ArrayCallsTest, TellsWhatDeferredMappingNeeds) {
  CUDA_ARRAY_MEMORY_REQUIREMENTS needs = {};
  const CUarray plain = New(Floats(1000));
  EXPECT_EQ(api_.ArrayGetMemoryRequirements(&needs, plain, 0),
            CUDA_ERROR_INVALID_VALUE);
  const CUarray deferred =
      New(Floats(1024, 1024, 0, CUDA_ARRAY3D_DEFERRED_MAPPING));
  EXPECT_EQ(api_.ArrayGetMemoryRequirements(&needs, deferred, 0), CUDA_SUCCESS);
  EXPECT_EQ(Bytes(needs.size), MiB(4));
  EXPECT_EQ(Bytes(needs.alignment), KiB(64));
  EXPECT_EQ(api_.ArrayGetMemoryRequirements(nullptr, deferred, 0),
            CUDA_ERROR_INVALID_VALUE);
  // Measured, both.
  EXPECT_EQ(api_.ArrayGetMemoryRequirements(&needs, deferred, 99),
            CUDA_SUCCESS);
  EXPECT_EQ(api_.ArrayGetMemoryRequirements(&needs, nullptr, 0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.ArrayGetMemoryRequirements(&needs, kForeign, 0),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver_->physical_bytes(), KiB(64));  // of the plain one

  // Nothing is ever mapped there, so nothing can be copied.
  float value = 1;
  EXPECT_EQ(api_.MemcpyHtoA(deferred, 0, &value, sizeof(value)),
            CUDA_ERROR_INVALID_VALUE);

  const CUmipmappedArray mipmap =
      NewMipmap(Floats(1024, 1024, 0, CUDA_ARRAY3D_DEFERRED_MAPPING), 2);
  EXPECT_EQ(api_.MipmappedArrayGetMemoryRequirements(&needs, mipmap, 0),
            CUDA_SUCCESS);
  EXPECT_EQ(Bytes(needs.size), MiB(5));
}

TEST_F(ArrayCallsTest, HalvesLevels) {
  const CUmipmappedArray mipmap = NewMipmap(Floats(64, 16), 100);
  CUarray level = nullptr, again = nullptr;
  // 1 + floor(log2(64)) of them.
  ASSERT_EQ(api_.MipmappedArrayGetLevel(&level, mipmap, 6), CUDA_SUCCESS);
  EXPECT_EQ(Describe(level).Width, 1u);
  EXPECT_EQ(Describe(level).Height, 1u);
  EXPECT_EQ(api_.MipmappedArrayGetLevel(&level, mipmap, 7),
            CUDA_ERROR_INVALID_VALUE);
  ASSERT_EQ(api_.MipmappedArrayGetLevel(&level, mipmap, 1), CUDA_SUCCESS);
  EXPECT_EQ(Describe(level).Width, 32u);
  EXPECT_EQ(Describe(level).Height, 8u);
  ASSERT_EQ(api_.MipmappedArrayGetLevel(&again, mipmap, 1), CUDA_SUCCESS);
  EXPECT_EQ(again, level);
  EXPECT_EQ(driver_->live_objects().mipmapped_arrays, 1u);
  EXPECT_EQ(driver_->live_objects().arrays, 0u);
  EXPECT_EQ(driver_->physical_bytes(), KiB(64));

  // A level goes with the whole.
  EXPECT_EQ(api_.ArrayDestroy(level), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(api_.MipmappedArrayDestroy(mipmap), CUDA_SUCCESS);
  EXPECT_EQ(api_.MipmappedArrayDestroy(mipmap), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(api_.MipmappedArrayGetLevel(&level, mipmap, 0),
            CUDA_ERROR_INVALID_HANDLE);
  CUDA_ARRAY3D_DESCRIPTOR descriptor = {};
  EXPECT_EQ(api_.Array3DGetDescriptor(&descriptor, level),
            CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
}

TEST_F(ArrayCallsTest, LevelsKeepTheirBytesApart) {
  const CUmipmappedArray mipmap = NewMipmap(Floats(8), 0);  // clamped to 1
  const CUmipmappedArray deep = NewMipmap(Floats(8), 3);
  CUarray level = nullptr;
  EXPECT_EQ(api_.MipmappedArrayGetLevel(&level, mipmap, 1),
            CUDA_ERROR_INVALID_VALUE);
  std::vector<CUarray> levels;
  for (unsigned int i = 0; i < 3; ++i) {
    ASSERT_EQ(api_.MipmappedArrayGetLevel(&level, deep, i), CUDA_SUCCESS);
    levels.push_back(level);
    const std::vector<float> values(8 >> i, static_cast<float>(i + 1));
    EXPECT_EQ(
        api_.MemcpyHtoA(level, 0, values.data(), values.size() * sizeof(float)),
        CUDA_SUCCESS);
  }
  for (unsigned int i = 0; i < 3; ++i) {
    float last = 0;
    EXPECT_EQ(api_.MemcpyAtoH(&last, levels[i], ((8 >> i) - 1) * sizeof(float),
                              sizeof(last)),
              CUDA_SUCCESS);
    EXPECT_EQ(last, static_cast<float>(i + 1));
  }
}

TEST_F(ArrayCallsTest, DieWithTheirContext) {
  New(Floats(8));
  NewMipmap(Floats(8), 2);
  EXPECT_EQ(api_.DevicePrimaryCtxRelease(0), CUDA_SUCCESS);
  EXPECT_EQ(driver_->live_objects(), LiveObjects());
  EXPECT_EQ(driver_->physical_bytes(), Bytes());
}

}  // namespace
}  // namespace governor
