#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class PitchedCopyCallsTest : public HostDriverTest {
 protected:
  PitchedCopyCallsTest() : HostDriverTest("h200,memory=1GiB,context=0") {
    device_ = NewLinear(kSize);
    EXPECT_EQ(api_.StreamCreate(&stream_, 0), CUDA_SUCCESS);
  }

  // Bytes 0, 1, 2, and so on, wrapped.
  static std::vector<uint8_t> Counting(size_t size) {
    std::vector<uint8_t> bytes(size);
    std::iota(bytes.begin(), bytes.end(), 0);
    return bytes;
  }

  std::vector<uint8_t> Download(CUdeviceptr from, size_t size) {
    std::vector<uint8_t> bytes(size);
    EXPECT_EQ(api_.MemcpyDtoH(bytes.data(), from, size), CUDA_SUCCESS);
    return bytes;
  }

  // 4 rows of 6 bytes, from `host` with a pitch of 10 to the device's 8.
  CUDA_MEMCPY2D Upload(const std::vector<uint8_t>& host) {
    CUDA_MEMCPY2D copy = {};
    copy.srcMemoryType = CU_MEMORYTYPE_HOST;
    copy.srcHost = host.data();
    copy.srcPitch = 10;
    copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
    copy.dstDevice = device_;
    copy.dstPitch = 8;
    copy.WidthInBytes = 6;
    copy.Height = 4;
    return copy;
  }

  CUarray NewArray(size_t width, size_t height = 0, size_t depth = 0,
                   unsigned int channels = 2) {
    const CUDA_ARRAY3D_DESCRIPTOR descriptor = {
        .Width = width,
        .Height = height,
        .Depth = depth,
        .Format = CU_AD_FORMAT_UNSIGNED_INT8,
        .NumChannels = channels,
        .Flags = 0};
    CUarray array = nullptr;
    EXPECT_EQ(api_.Array3DCreate(&array, &descriptor), CUDA_SUCCESS);
    return array;
  }

  static constexpr size_t kSize = 4000;
  CUdeviceptr device_ = 0;
  CUstream stream_ = nullptr;
};

TEST_F(PitchedCopyCallsTest, CopiesRows) {
  const std::vector<uint8_t> host = Counting(100);
  CUDA_MEMCPY2D copy = Upload(host);
  copy.srcXInBytes = 2;
  copy.srcY = 3;
  copy.dstXInBytes = 1;
  copy.dstY = 1;
  const std::vector<std::function<CUresult()>> calls = {
      [&] { return api_.Memcpy2D(&copy); },
      [&] { return api_.Memcpy2DUnaligned(&copy); },
      [&] { return api_.Memcpy2DAsync(&copy, stream_); },
  };
  for (const auto& call : calls) {
    ASSERT_EQ(api_.MemsetD8(device_, 0xff, kSize), CUDA_SUCCESS);
    EXPECT_EQ(call(), CUDA_SUCCESS);
    std::vector<uint8_t> expected(48, 0xff);
    for (int row = 0; row < 4; ++row) {
      std::memcpy(&expected[(row + 1) * 8 + 1], &host[(row + 3) * 10 + 2], 6);
    }
    EXPECT_EQ(Download(device_, 48), expected);
  }
}

// A picture as video decoders have it: a plane of brightness, and one of half
// the height with two colours in turn. FFmpeg's hwupload_cuda copies so.
TEST_F(PitchedCopyCallsTest, CopiesNv12ThereAndBack) {
  constexpr size_t kWidth = 70, kHeight = 36, kHostPitch = 96, kPitch = 512;
  const CUdeviceptr frame = NewLinear(kPitch * kHeight * 3 / 2);
  const std::vector<uint8_t> host = Counting(kHostPitch * kHeight * 3 / 2);
  std::vector<uint8_t> back(host.size(), 0xee);
  const auto plane = [&](size_t host_row, size_t rows, bool upload) {
    CUDA_MEMCPY2D copy = {};
    copy.WidthInBytes = kWidth;
    copy.Height = rows;
    if (upload) {
      copy.srcMemoryType = CU_MEMORYTYPE_HOST;
      copy.srcHost = host.data() + host_row * kHostPitch;
      copy.srcPitch = kHostPitch;
      copy.dstMemoryType = CU_MEMORYTYPE_DEVICE;
      copy.dstDevice = frame + host_row * kPitch;
      copy.dstPitch = kPitch;
    } else {
      copy.srcMemoryType = CU_MEMORYTYPE_DEVICE;
      copy.srcDevice = frame + host_row * kPitch;
      copy.srcPitch = kPitch;
      copy.dstMemoryType = CU_MEMORYTYPE_HOST;
      copy.dstHost = back.data() + host_row * kHostPitch;
      copy.dstPitch = kHostPitch;
    }
    EXPECT_EQ(api_.Memcpy2DAsync(&copy, stream_), CUDA_SUCCESS);
  };
  for (const bool upload : {true, false}) {
    plane(0, kHeight, upload);
    plane(kHeight, kHeight / 2, upload);
  }
  ASSERT_EQ(api_.StreamSynchronize(stream_), CUDA_SUCCESS);
  for (size_t i = 0; i < back.size(); ++i) {
    ASSERT_EQ(back[i], i % kHostPitch < kWidth ? host[i] : 0xee) << i;
  }
}

TEST_F(PitchedCopyCallsTest, ChecksRows) {
  const std::vector<uint8_t> host = Counting(100);
  const auto with = [&](const std::function<void(CUDA_MEMCPY2D&)>& change) {
    CUDA_MEMCPY2D copy = Upload(host);
    change(copy);
    return api_.Memcpy2D(&copy);
  };
  EXPECT_EQ(with([](auto&) {}), CUDA_SUCCESS);
  const std::vector<std::function<void(CUDA_MEMCPY2D&)>> wrong = {
      [](auto& copy) { copy.srcPitch = 5; },
      [](auto& copy) { copy.dstPitch = 5; },
      [](auto& copy) { copy.dstXInBytes = 3; },  // past the pitch
      [](auto& copy) { copy.srcPitch = 1ull << 31; },
      [](auto& copy) { copy.srcHost = nullptr; },
      [](auto& copy) { copy.dstDevice = 0; },
      [](auto& copy) { copy.dstDevice = 0, copy.dstY = 1; },
      [](auto& copy) { copy.srcMemoryType = static_cast<CUmemorytype>(0); },
      [](auto& copy) { copy.dstMemoryType = static_cast<CUmemorytype>(5); },
      [](auto& copy) { copy.srcMemoryType = CU_MEMORYTYPE_ARRAY; },
      [](auto& copy) { copy.dstY = kSize / 8 - 3; },  // past the allocation
      [](auto& copy) { copy.dstY = 1ull << 61; },
      [](auto& copy) { copy.Height = 1ull << 62; },
      // Plain host memory is not the device's.
      [&](auto& copy) {
        copy.dstDevice = reinterpret_cast<CUdeviceptr>(host.data());
      },
  };
  for (size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_EQ(with(wrong[i]), CUDA_ERROR_INVALID_VALUE) << i;
  }
  // The last row ends where the allocation does; its pitch does not matter.
  EXPECT_EQ(with([&](auto& copy) { copy.dstDevice = device_ + kSize - 30; }),
            CUDA_SUCCESS);
  EXPECT_EQ(with([](auto& copy) { copy.srcPitch = copy.dstPitch = 0; }),
            CUDA_SUCCESS);
  EXPECT_EQ(Download(device_, 24), Counting(24));
  // Nothing to do.
  EXPECT_EQ(with([](auto& copy) { copy.Height = 0; }), CUDA_SUCCESS);
  EXPECT_EQ(with([](auto& copy) { copy.WidthInBytes = 0; }), CUDA_SUCCESS);
  EXPECT_EQ(api_.Memcpy2D(nullptr), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.Memcpy3D(nullptr), CUDA_ERROR_INVALID_VALUE);

  CUDA_MEMCPY2D copy = Upload(host);
  ASSERT_EQ(api_.StreamDestroy(stream_), CUDA_SUCCESS);
  EXPECT_EQ(api_.Memcpy2DAsync(&copy, stream_), CUDA_ERROR_INVALID_HANDLE);
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(api_.Memcpy2D(&copy), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_F(PitchedCopyCallsTest, UnifiedAddressesAreEither) {
  const std::vector<uint8_t> host = Counting(100);
  CUDA_MEMCPY2D copy = Upload(host);
  copy.srcMemoryType = copy.dstMemoryType = CU_MEMORYTYPE_UNIFIED;
  copy.srcHost = nullptr;
  copy.srcDevice = reinterpret_cast<CUdeviceptr>(host.data());
  EXPECT_EQ(api_.Memcpy2D(&copy), CUDA_SUCCESS);
  EXPECT_EQ(Download(device_ + 24, 6),
            std::vector<uint8_t>(&host[30], &host[36]));
}

TEST_F(PitchedCopyCallsTest, CopiesBoxes) {
  // 5 slices of 6 rows of 10 bytes, of which 2 x 3 x 4 go into an array.
  const std::vector<uint8_t> host = Counting(5 * 6 * 10);
  const CUarray array = NewArray(/*width=*/4, /*height=*/5, /*depth=*/3);
  CUDA_MEMCPY3D up = {};
  up.srcMemoryType = CU_MEMORYTYPE_HOST;
  up.srcHost = host.data();
  up.srcPitch = 10;
  up.srcHeight = 6;
  up.srcXInBytes = 3;
  up.srcY = 2;
  up.srcZ = 1;
  up.dstMemoryType = CU_MEMORYTYPE_ARRAY;
  up.dstArray = array;
  up.dstXInBytes = 2;
  up.dstY = 1;
  up.dstZ = 1;
  up.WidthInBytes = 4;
  up.Height = 3;
  up.Depth = 2;
  EXPECT_EQ(api_.Memcpy3DAsync(&up, stream_), CUDA_SUCCESS);

  CUDA_MEMCPY3D down = {};  // the whole array
  down.srcMemoryType = CU_MEMORYTYPE_ARRAY;
  down.srcArray = array;
  down.dstMemoryType = CU_MEMORYTYPE_DEVICE;
  down.dstDevice = device_;
  down.dstPitch = 8;
  down.dstHeight = 5;
  down.WidthInBytes = 8;
  down.Height = 5;
  down.Depth = 3;
  EXPECT_EQ(api_.Memcpy3D(&down), CUDA_SUCCESS);

  std::vector<uint8_t> expected(3 * 5 * 8, 0);
  for (int z = 0; z < 2; ++z) {
    for (int y = 0; y < 3; ++y) {
      std::memcpy(&expected[((z + 1) * 5 + y + 1) * 8 + 2],
                  &host[((z + 1) * 6 + y + 2) * 10 + 3], 4);
    }
  }
  EXPECT_EQ(Download(device_, expected.size()), expected);

  const auto with = [&](const std::function<void(CUDA_MEMCPY3D&)>& change) {
    CUDA_MEMCPY3D copy = up;
    change(copy);
    return api_.Memcpy3D(&copy);
  };
  EXPECT_EQ(with([](auto&) {}), CUDA_SUCCESS);
  const std::vector<std::function<void(CUDA_MEMCPY3D&)>> wrong = {
      [](auto& copy) { copy.srcHeight = 4; },
      [](auto& copy) { copy.dstXInBytes = 6; },  // past the array, each way
      [](auto& copy) { copy.dstY = 3; },
      [](auto& copy) { copy.dstZ = 2; },
  };
  for (size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_EQ(with(wrong[i]), CUDA_ERROR_INVALID_VALUE) << i;
  }
  EXPECT_EQ(with([](auto& copy) { copy.Depth = 0; }), CUDA_SUCCESS);
  ASSERT_EQ(api_.ArrayDestroy(array), CUDA_SUCCESS);
  EXPECT_EQ(with([](auto&) {}), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(PitchedCopyCallsTest, CopiesRowsOfArrays) {
  const std::vector<uint8_t> host = Counting(32);
  const CUarray a = NewArray(16), b = NewArray(16),
                wide = NewArray(16, 0, 0, 4);
  EXPECT_EQ(api_.MemcpyHtoA(a, 0, host.data(), 32), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemcpyAtoA(b, 4, a, 2, 8), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemcpyAtoD(device_, b, 4, 8), CUDA_SUCCESS);
  EXPECT_EQ(Download(device_, 8), std::vector<uint8_t>(&host[2], &host[10]));
  EXPECT_EQ(api_.MemcpyDtoA(a, 30, device_, 2), CUDA_SUCCESS);
  uint8_t last[2] = {};
  EXPECT_EQ(api_.MemcpyAtoH(last, a, 30, 2), CUDA_SUCCESS);
  EXPECT_EQ(last[0], 2);

  EXPECT_EQ(api_.MemcpyHtoA(a, 2, host.data(), 32), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemcpyHtoA(a, 0, nullptr, 2), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemcpyHtoA(nullptr, 0, host.data(), 2),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemcpyAtoH(nullptr, a, 0, 2), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemcpyDtoA(a, 0, 0, 2), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemcpyAtoD(device_ + kSize - 1, a, 0, 2),
            CUDA_ERROR_INVALID_VALUE);
  // Measured: elements may be cut, and may be of other sizes.
  EXPECT_EQ(api_.MemcpyHtoA(a, 1, host.data(), 2), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemcpyAtoA(wide, 0, a, 0, 4), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemcpyHtoA(a, 0, host.data(), 0), CUDA_SUCCESS);
}

TEST_F(PitchedCopyCallsTest, SetsRows) {
  const auto expect = [&](size_t element, const std::vector<uint8_t>& value) {
    std::vector<uint8_t> expected(48, 0xff);
    for (int row = 0; row < 3; ++row) {
      for (size_t i = 0; i < 2 * element; ++i) {
        expected[row * 16 + i] = value[i % element];
      }
    }
    EXPECT_EQ(Download(device_, 48), expected) << element;
    ASSERT_EQ(api_.MemsetD8(device_, 0xff, 48), CUDA_SUCCESS);
  };
  ASSERT_EQ(api_.MemsetD8(device_, 0xff, 48), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD2D8(device_, 16, 0x12, 2, 3), CUDA_SUCCESS);
  expect(1, {0x12});
  EXPECT_EQ(api_.MemsetD2D8Async(device_, 16, 0x12, 2, 3, stream_),
            CUDA_SUCCESS);
  expect(1, {0x12});
  EXPECT_EQ(api_.MemsetD2D16(device_, 16, 0x1234, 2, 3), CUDA_SUCCESS);
  expect(2, {0x34, 0x12});
  EXPECT_EQ(api_.MemsetD2D16Async(device_, 16, 0x1234, 2, 3, stream_),
            CUDA_SUCCESS);
  expect(2, {0x34, 0x12});
  EXPECT_EQ(api_.MemsetD2D32(device_, 16, 0x12345678, 2, 3), CUDA_SUCCESS);
  expect(4, {0x78, 0x56, 0x34, 0x12});
  EXPECT_EQ(api_.MemsetD2D32Async(device_, 16, 0x12345678, 2, 3, stream_),
            CUDA_SUCCESS);
  expect(4, {0x78, 0x56, 0x34, 0x12});
}

TEST_F(PitchedCopyCallsTest, ChecksSets) {
  EXPECT_EQ(api_.MemsetD2D32(device_ + 2, 16, 1, 1, 1),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD2D32(device_, 18, 1, 1, 2), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD2D16(device_ + 1, 16, 1, 1, 1),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD2D8(device_, 7, 1, 8, 2), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD2D8(device_, 7, 1, 8, 1), CUDA_SUCCESS);  // unused
  EXPECT_EQ(api_.MemsetD2D8(0, 8, 1, 8, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD2D8(device_, 1000, 1, 1000, 5),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD2D32(device_, 16, 1, 1ull << 63, 1),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD2D8(device_, 1ull << 63, 1, 1, 3),
            CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemsetD2D8(device_, 16, 1, 0, 5), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD2D8(device_, 16, 1, 5, 0), CUDA_SUCCESS);
  std::vector<uint8_t> host(8);
  EXPECT_EQ(
      api_.MemsetD2D8(reinterpret_cast<CUdeviceptr>(host.data()), 8, 1, 8, 1),
      CUDA_ERROR_INVALID_VALUE);
}

}  // namespace
}  // namespace governor
