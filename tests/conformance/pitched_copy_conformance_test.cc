// Copies and sets in two and three dimensions.

#include <functional>
#include <vector>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr size_t kPitch = 64, kRows = 8;

class PitchedCopyConformance : public ConformanceTest {
 protected:
  void SetUp() override {
    ConformanceTest::SetUp();
    a_ = NewLinear(kPitch * kRows * 2);
    b_ = NewLinear(kPitch * kRows * 2);
    stream_ = NewStream();
    EXPECT_OK(MemsetD8, a_, 0x5a, kPitch * kRows * 2);
    EXPECT_OK(MemsetD8, b_, 0, kPitch * kRows * 2);
    EXPECT_OK(CtxSynchronize);
  }

  // 16 bytes of each of 3 rows, from the start of a to (4, 1) of b.
  CUDA_MEMCPY2D Copy2D() {
    CUDA_MEMCPY2D copy = {};
    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = a_;
    copy.srcPitch = kPitch;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.dstDevice = b_;
    copy.dstPitch = kPitch;
    copy.dstXInBytes = 4;
    copy.dstY = 1;
    copy.WidthInBytes = 16;
    copy.Height = 3;
    return copy;
  }

  // The same, of each of 2 slices.
  CUDA_MEMCPY3D Copy3D() {
    CUDA_MEMCPY3D copy = {};
    copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = a_;
    copy.srcPitch = kPitch;
    copy.srcHeight = kRows;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.dstDevice = b_;
    copy.dstPitch = kPitch;
    copy.dstHeight = kRows;
    copy.dstXInBytes = 4;
    copy.dstY = 1;
    copy.WidthInBytes = 16;
    copy.Height = 3;
    copy.Depth = 2;
    return copy;
  }

  // That the rows and nothing around them arrived in a slice of b.
  void ExpectRows(size_t slice) {
    const CUdeviceptr start = b_ + slice * kPitch * kRows;
    EXPECT_OK(StreamSynchronize, stream_);
    for (size_t row = 0; row < kRows; ++row) {
      const uint32_t inside = row >= 1 && row <= 3 ? 0x5a5a5a5a : 0;
      EXPECT_EQ(Read(start + row * kPitch), 0u) << row;
      EXPECT_EQ(Read(start + row * kPitch + 4), inside) << row;
      EXPECT_EQ(Read(start + row * kPitch + 16), inside) << row;
      EXPECT_EQ(Read(start + row * kPitch + 20), 0u) << row;
    }
  }

  CUdeviceptr a_ = 0, b_ = 0;
  CUstream stream_ = nullptr;
};

TEST_F(PitchedCopyConformance, CopiesRows) {
  const CUDA_MEMCPY2D copy = Copy2D();
  EXPECT_OK(Memcpy2D, &copy);
  ExpectRows(0);
}

TEST_F(PitchedCopyConformance, CopiesRowsUnaligned) {
  const CUDA_MEMCPY2D copy = Copy2D();
  EXPECT_OK(Memcpy2DUnaligned, &copy);
  ExpectRows(0);
}

TEST_F(PitchedCopyConformance, CopiesRowsInOrder) {
  const CUDA_MEMCPY2D copy = Copy2D();
  EXPECT_OK(Memcpy2DAsync, &copy, stream_);
  ExpectRows(0);
}

TEST_F(PitchedCopyConformance, CopiesSlices) {
  const CUDA_MEMCPY3D copy = Copy3D();
  EXPECT_OK(Memcpy3D, &copy);
  ExpectRows(0);
  ExpectRows(1);
}

TEST_F(PitchedCopyConformance, CopiesSlicesInOrder) {
  const CUDA_MEMCPY3D copy = Copy3D();
  EXPECT_OK(Memcpy3DAsync, &copy, stream_);
  ExpectRows(0);
  ExpectRows(1);
}

TEST_F(PitchedCopyConformance, CopiesRowsOfTheHost) {
  std::vector<uint32_t> host(kPitch * kRows / 4, 0x5a5a5a5a), got(3 * 4);
  CUDA_MEMCPY2D copy = Copy2D();
  copy.srcMemoryType = CU_MEMORYTYPE_HOST;
  copy.srcHost = host.data();
  EXPECT_OK(Memcpy2D, &copy);
  ExpectRows(0);
  // And back, packed.
  CUDA_MEMCPY2D back = {};
  back.srcMemoryType = CU_MEMORYTYPE_DEVICE;
  back.srcDevice = b_;
  back.srcPitch = kPitch;
  back.srcXInBytes = 4;
  back.srcY = 1;
  back.dstMemoryType = CU_MEMORYTYPE_HOST;
  back.dstHost = got.data();
  back.dstPitch = 16;
  back.WidthInBytes = 16;
  back.Height = 3;
  EXPECT_OK(Memcpy2D, &back);
  EXPECT_EQ(got, std::vector<uint32_t>(12, 0x5a5a5a5a));
}

// What an address is tells unified addressing.
TEST_F(PitchedCopyConformance, CopiesRowsOfUnifiedAddresses) {
  CUDA_MEMCPY2D copy = Copy2D();
  copy.srcMemoryType = CU_MEMORYTYPE_UNIFIED;
  copy.dstMemoryType = CU_MEMORYTYPE_UNIFIED;
  EXPECT_OK(Memcpy2D, &copy);
  ExpectRows(0);
}

TEST_F(PitchedCopyConformance, CopiesRowsThroughAnArray) {
  CUDA_ARRAY_DESCRIPTOR descriptor = {};
  descriptor.Width = 16;
  descriptor.Height = 4;
  descriptor.Format = CU_AD_FORMAT_UNSIGNED_INT8;
  descriptor.NumChannels = 4;
  CUarray array = nullptr;
  ASSERT_OK(ArrayCreate, &array, &descriptor);
  CUDA_MEMCPY2D in = Copy2D();
  in.dstMemoryType = CU_MEMORYTYPE_ARRAY;
  in.dstArray = array;
  in.dstXInBytes = in.dstY = 0;
  EXPECT_OK(Memcpy2D, &in);
  CUDA_MEMCPY2D out = Copy2D();
  out.srcMemoryType = CU_MEMORYTYPE_ARRAY;
  out.srcArray = array;
  EXPECT_OK(Memcpy2D, &out);
  ExpectRows(0);
  EXPECT_OK(ArrayDestroy, array);
}

TEST_F(PitchedCopyConformance, CopiesNoRows) {
  CUDA_MEMCPY2D copy = Copy2D();
  copy.Height = 0;
  EXPECT_OK(Memcpy2D, &copy);
  EXPECT_EQ(Read(b_ + kPitch + 4), 0u);
}

TEST_F(PitchedCopyConformance, Copy2DRefusesMisuse) {
  const CUDA_MEMCPY2D good = Copy2D();
  CUDA_MEMCPY2D narrow = good, nowhere = good, odd = good;
  narrow.srcPitch = 8;
  nowhere.dstDevice = 0;
  odd.srcMemoryType = static_cast<CUmemorytype>(9);
  for (const CUDA_MEMCPY2D& bad : {narrow, nowhere, odd}) {
    EXPECT_REFUSED(INVALID_VALUE, Memcpy2D, &bad);
    EXPECT_REFUSED(INVALID_VALUE, Memcpy2DUnaligned, &bad);
    EXPECT_REFUSED(INVALID_VALUE, Memcpy2DAsync, &bad, stream_);
  }
  EXPECT_REFUSED(INVALID_VALUE, Memcpy2D, nullptr);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, Memcpy2D, &good);
  EXPECT_REFUSED(INVALID_CONTEXT, Memcpy2DUnaligned, &good);
  EXPECT_REFUSED(INVALID_CONTEXT, Memcpy2DAsync, &good, nullptr);
}

TEST_F(PitchedCopyConformance, Copy3DRefusesMisuse) {
  const CUDA_MEMCPY3D good = Copy3D();
  CUDA_MEMCPY3D narrow = good, low = good, nowhere = good;
  narrow.srcPitch = 8;
  low.srcHeight = 2;
  nowhere.dstDevice = 0;
  for (const CUDA_MEMCPY3D& bad : {narrow, low, nowhere}) {
    EXPECT_REFUSED(INVALID_VALUE, Memcpy3D, &bad);
    EXPECT_REFUSED(INVALID_VALUE, Memcpy3DAsync, &bad, stream_);
  }
  EXPECT_REFUSED(INVALID_VALUE, Memcpy3D, nullptr);
  const NoContext none;
  EXPECT_REFUSED(INVALID_CONTEXT, Memcpy3D, &good);
  EXPECT_REFUSED(INVALID_CONTEXT, Memcpy3DAsync, &good, nullptr);
}

// Each of the six sets in two dimensions, as one function.
struct Set2D {
  const char* row;
  size_t width;  // of an element
  uint32_t value, expected;
  std::function<CUresult(CUdeviceptr, size_t pitch, uint32_t value,
                         size_t width, size_t height, CUstream)>
      set;
};

std::vector<Set2D> Sets() {
  return {
      {"MemsetD2D8", 1, 0x5a, 0x5a5a5a5a,
       [](auto to, auto pitch, auto value, auto width, auto height, CUstream) {
         return GOVERNOR_CALL(MemsetD2D8, to, pitch, value, width, height);
       }},
      {"MemsetD2D8Async", 1, 0x5a, 0x5a5a5a5a,
       [](auto to, auto pitch, auto value, auto width, auto height,
          CUstream stream) {
         return GOVERNOR_CALL(MemsetD2D8Async, to, pitch, value, width, height,
                              stream);
       }},
      {"MemsetD2D16", 2, 0x1234, 0x12341234,
       [](auto to, auto pitch, auto value, auto width, auto height, CUstream) {
         return GOVERNOR_CALL(MemsetD2D16, to, pitch, value, width, height);
       }},
      {"MemsetD2D16Async", 2, 0x1234, 0x12341234,
       [](auto to, auto pitch, auto value, auto width, auto height,
          CUstream stream) {
         return GOVERNOR_CALL(MemsetD2D16Async, to, pitch, value, width, height,
                              stream);
       }},
      {"MemsetD2D32", 4, 0x12345678, 0x12345678,
       [](auto to, auto pitch, auto value, auto width, auto height, CUstream) {
         return GOVERNOR_CALL(MemsetD2D32, to, pitch, value, width, height);
       }},
      {"MemsetD2D32Async", 4, 0x12345678, 0x12345678,
       [](auto to, auto pitch, auto value, auto width, auto height,
          CUstream stream) {
         return GOVERNOR_CALL(MemsetD2D32Async, to, pitch, value, width, height,
                              stream);
       }},
  };
}

TEST_F(PitchedCopyConformance, SetsRows) {
  for (const Set2D& set : Sets()) {
    EXPECT_OK(MemsetD8, b_, 0, kPitch * kRows);
    EXPECT_OK(CtxSynchronize);
    EXPECT_TRUE(Conforms(
        set.row, CUDA_SUCCESS,
        set.set(b_ + 4, kPitch, set.value, 16 / set.width, 3, stream_)));
    EXPECT_OK(CtxSynchronize);
    for (size_t row = 0; row < 4; ++row) {
      const uint32_t inside = row < 3 ? set.expected : 0;
      EXPECT_EQ(Read(b_ + row * kPitch), 0u) << set.row << " " << row;
      EXPECT_EQ(Read(b_ + row * kPitch + 4), inside) << set.row << " " << row;
      EXPECT_EQ(Read(b_ + row * kPitch + 16), inside) << set.row << " " << row;
      EXPECT_EQ(Read(b_ + row * kPitch + 20), 0u) << set.row << " " << row;
    }
  }
}

TEST_F(PitchedCopyConformance, SetsRefuseMisuse) {
  for (const Set2D& set : Sets()) {
    // Nowhere, and rows that overlap.
    EXPECT_TRUE(
        Conforms(set.row, CUDA_ERROR_INVALID_VALUE,
                 set.set(0, kPitch, set.value, 16 / set.width, 3, stream_)));
    EXPECT_TRUE(
        Conforms(set.row, CUDA_ERROR_INVALID_VALUE,
                 set.set(b_, 8, set.value, 16 / set.width, 3, stream_)));
    if (set.width > 1) {
      EXPECT_TRUE(Conforms(set.row, CUDA_ERROR_INVALID_VALUE,
                           set.set(b_ + 1, kPitch, set.value, 4, 3, stream_)));
    }
    const NoContext none;
    EXPECT_TRUE(
        Conforms(set.row, CUDA_ERROR_INVALID_CONTEXT,
                 set.set(b_, kPitch, set.value, 16 / set.width, 3, nullptr)));
  }
}

}  // namespace
}  // namespace governor
