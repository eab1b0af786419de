#include <atomic>
#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "governor/driver/host_driver/host_driver_fixture.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

class CopyCallsTest : public HostDriverTest {
 protected:
  CopyCallsTest() {
    a_ = NewLinear(kSize);
    b_ = NewLinear(kSize);
    EXPECT_EQ(api_.StreamCreate(&stream_, 0), CUDA_SUCCESS);
  }

  static CUdeviceptr Address(const void* pointer) {
    return reinterpret_cast<CUdeviceptr>(pointer);
  }

  static constexpr size_t kSize = 1000;
  CUdeviceptr a_ = 0, b_ = 0;
  CUstream stream_ = nullptr;
};

// Each of the eight copies, as one function of addresses.
struct CopyCase {
  std::string name;
  bool to_device, from_device;  // and not merely anywhere
  bool on_stream;
  std::function<CUresult(const DriverApi&, CUdeviceptr to, CUdeviceptr from,
                         size_t size, CUstream stream)>
      copy;
};

void* Pointer(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

std::vector<CopyCase> CopyCases() {
  return {
      {"Memcpy", false, false, false,
       [](const auto& api, auto to, auto from, size_t size, CUstream) {
         return api.Memcpy(to, from, size);
       }},
      {"MemcpyAsync", false, false, true,
       [](const auto& api, auto to, auto from, size_t size, CUstream stream) {
         return api.MemcpyAsync(to, from, size, stream);
       }},
      {"MemcpyHtoD", true, false, false,
       [](const auto& api, auto to, auto from, size_t size, CUstream) {
         return api.MemcpyHtoD(to, Pointer(from), size);
       }},
      {"MemcpyHtoDAsync", true, false, true,
       [](const auto& api, auto to, auto from, size_t size, CUstream stream) {
         return api.MemcpyHtoDAsync(to, Pointer(from), size, stream);
       }},
      {"MemcpyDtoH", false, true, false,
       [](const auto& api, auto to, auto from, size_t size, CUstream) {
         return api.MemcpyDtoH(Pointer(to), from, size);
       }},
      {"MemcpyDtoHAsync", false, true, true,
       [](const auto& api, auto to, auto from, size_t size, CUstream stream) {
         return api.MemcpyDtoHAsync(Pointer(to), from, size, stream);
       }},
      {"MemcpyDtoD", true, true, false,
       [](const auto& api, auto to, auto from, size_t size, CUstream) {
         return api.MemcpyDtoD(to, from, size);
       }},
      {"MemcpyDtoDAsync", true, true, true,
       [](const auto& api, auto to, auto from, size_t size, CUstream stream) {
         return api.MemcpyDtoDAsync(to, from, size, stream);
       }},
  };
}

class EachCopyTest : public CopyCallsTest,
                     public ::testing::WithParamInterface<CopyCase> {
 protected:
  CUresult Copy(CUdeviceptr to, CUdeviceptr from, size_t size) {
    return GetParam().copy(api_, to, from, size, stream_);
  }
};

TEST_P(EachCopyTest, Copies) {
  ASSERT_EQ(api_.MemsetD32(a_, 42, kSize / 4), CUDA_SUCCESS);
  EXPECT_EQ(Copy(b_ + 4, a_, 8), CUDA_SUCCESS);
  EXPECT_EQ(Read(b_), 0u);
  EXPECT_EQ(Read(b_ + 4), 42u);
  EXPECT_EQ(Read(b_ + 8), 42u);
  EXPECT_EQ(Read(b_ + 12), 0u);
}

TEST_P(EachCopyTest, TakesPlainHostMemoryWhereItMay) {
  std::vector<uint32_t> host(kSize / 4, 7);
  EXPECT_EQ(Copy(Address(host.data()), a_, 8),
            GetParam().to_device ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS);
  EXPECT_EQ(host[1], GetParam().to_device ? 7u : 0u);
  EXPECT_EQ(host[2], 7u);
  EXPECT_EQ(Copy(a_, Address(host.data() + 2), 8),
            GetParam().from_device ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS);
  EXPECT_EQ(Read(a_ + 4), GetParam().from_device ? 0u : 7u);
}

TEST_P(EachCopyTest, ChecksBothRangesBeforeTheFirstByte) {
  const CUdeviceptr base = Reserve(4 * kBlock);
  Commit(base);
  Map(base + kBlock, kBlock, NewChunk());  // without access
  Commit(base + 3 * kBlock);
  Allow(base + 3 * kBlock, kBlock, CU_MEM_ACCESS_FLAGS_PROT_READ);
  const CUdeviceptr good = base, dark = base + kBlock,
                    empty = base + 2 * kBlock, read_only = base + 3 * kBlock;
  ASSERT_EQ(api_.MemsetD8(good, 1, kBlock), CUDA_SUCCESS);

  EXPECT_EQ(Copy(a_, good, kSize), CUDA_SUCCESS);
  EXPECT_EQ(Copy(a_, read_only, kSize), CUDA_SUCCESS);
  for (const CUdeviceptr bad : {dark, empty, good + kBlock - 4,
                                read_only + kBlock - 4, CUdeviceptr{0}}) {
    EXPECT_EQ(Copy(bad, a_, 8), CUDA_ERROR_INVALID_VALUE) << bad - base;
    EXPECT_EQ(Copy(a_, bad, 8), CUDA_ERROR_INVALID_VALUE) << bad - base;
  }
  EXPECT_EQ(Copy(read_only, a_, 8), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Copy(a_, good, kSize + 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Copy(good, a_, kSize + 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Copy(good, a_, ~size_t{0}), CUDA_ERROR_INVALID_VALUE);
  // Nothing of the failed copies' good parts was done.
  EXPECT_EQ(Read(good + kBlock - 4), 0x01010101u);
}

// An accessible range may be made of many mappings.
TEST_P(EachCopyTest, CrossesMappings) {
  const CUdeviceptr base = Reserve(4 * kBlock);
  for (int block = 0; block < 4; ++block) Commit(base + block * kBlock);
  ASSERT_EQ(api_.MemsetD8(base, 3, 2 * kBlock), CUDA_SUCCESS);
  EXPECT_EQ(Copy(base + 2 * kBlock - 2, base + 2, kBlock), CUDA_SUCCESS);
  EXPECT_EQ(Read(base + 3 * kBlock - 6), 0x03030303u);
  EXPECT_EQ(Read(base + 3 * kBlock - 2), 0u);
}

TEST_P(EachCopyTest, CopiesNothingFromNowhere) {
  EXPECT_EQ(Copy(0, 0, 0), CUDA_SUCCESS);
  EXPECT_EQ(Copy(a_, 0, 0), CUDA_SUCCESS);
}

// A stream brings its own context; without one, a current context is needed.
TEST_P(EachCopyTest, NeedsAContext) {
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(Copy(a_, b_, 8),
            GetParam().on_stream ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT);
  stream_ = nullptr;
  EXPECT_EQ(Copy(a_, b_, 8), CUDA_ERROR_INVALID_CONTEXT);
  EXPECT_EQ(Copy(a_, b_, 0), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_P(EachCopyTest, RefusesAStaleStream) {
  if (!GetParam().on_stream) GTEST_SKIP() << "takes no stream";
  ASSERT_EQ(api_.StreamDestroy(stream_), CUDA_SUCCESS);
  EXPECT_EQ(Copy(a_, b_, 8), CUDA_ERROR_INVALID_HANDLE);
  EXPECT_EQ(Copy(a_, b_, 0), CUDA_ERROR_INVALID_HANDLE);
  for (const CUstream stream :
       {CUstream{nullptr}, CU_STREAM_LEGACY, CU_STREAM_PER_THREAD}) {
    stream_ = stream;
    EXPECT_EQ(Copy(a_, b_, 8), CUDA_SUCCESS);
  }
}

INSTANTIATE_TEST_SUITE_P(, EachCopyTest, ::testing::ValuesIn(CopyCases()),
                         [](const auto& info) { return info.param.name; });

// Each of the six sets, as one function of an address.
struct SetCase {
  std::string name;
  size_t width;
  uint32_t value, expected;
  bool on_stream;
  std::function<CUresult(const DriverApi&, CUdeviceptr to, uint32_t value,
                         size_t count, CUstream stream)>
      set;
};

std::vector<SetCase> SetCases() {
  return {
      {"D8", 1, 0x5a, 0x5a5a5a5a, false,
       [](const auto& api, auto to, uint32_t value, size_t count, CUstream) {
         return api.MemsetD8(to, value, count);
       }},
      {"D8Async", 1, 0x5a, 0x5a5a5a5a, true,
       [](const auto& api, auto to, uint32_t value, size_t count,
          CUstream stream) {
         return api.MemsetD8Async(to, value, count, stream);
       }},
      {"D16", 2, 0x1234, 0x12341234, false,
       [](const auto& api, auto to, uint32_t value, size_t count, CUstream) {
         return api.MemsetD16(to, value, count);
       }},
      {"D16Async", 2, 0x1234, 0x12341234, true,
       [](const auto& api, auto to, uint32_t value, size_t count,
          CUstream stream) {
         return api.MemsetD16Async(to, value, count, stream);
       }},
      {"D32", 4, 0x12345678, 0x12345678, false,
       [](const auto& api, auto to, uint32_t value, size_t count, CUstream) {
         return api.MemsetD32(to, value, count);
       }},
      {"D32Async", 4, 0x12345678, 0x12345678, true,
       [](const auto& api, auto to, uint32_t value, size_t count,
          CUstream stream) {
         return api.MemsetD32Async(to, value, count, stream);
       }},
  };
}

class EachSetTest : public CopyCallsTest,
                    public ::testing::WithParamInterface<SetCase> {
 protected:
  CUresult Set(CUdeviceptr to, size_t count) {
    return GetParam().set(api_, to, GetParam().value, count, stream_);
  }
};

TEST_P(EachSetTest, Sets) {
  EXPECT_EQ(Set(a_ + 4, 8 / GetParam().width), CUDA_SUCCESS);
  EXPECT_EQ(Read(a_), 0u);
  EXPECT_EQ(Read(a_ + 4), GetParam().expected);
  EXPECT_EQ(Read(a_ + 8), GetParam().expected);
  EXPECT_EQ(Read(a_ + 12), 0u);
}

TEST_P(EachSetTest, RefusesMisuse) {
  const size_t width = GetParam().width;
  const CUdeviceptr base = Reserve(2 * kBlock);
  Commit(base);
  Allow(base, kBlock, CU_MEM_ACCESS_FLAGS_PROT_READ);
  std::vector<uint32_t> host(4);
  for (size_t odd = 1; odd < width; ++odd) {
    EXPECT_EQ(Set(a_ + odd, 1), CUDA_ERROR_INVALID_VALUE) << odd;
  }
  EXPECT_EQ(Set(a_, kSize / width + 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Set(a_, ~size_t{0}), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Set(a_, ~size_t{0} / width + 1),
            width == 1 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Set(0, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Set(base, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Set(base + kBlock, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Set(Address(host.data()), 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(Set(a_, 0), CUDA_SUCCESS);
  EXPECT_EQ(Set(0, 0), CUDA_SUCCESS);
  EXPECT_EQ(Read(a_), 0u);
}

TEST_P(EachSetTest, NeedsAContext) {
  ASSERT_EQ(api_.CtxSetCurrent(nullptr), CUDA_SUCCESS);
  EXPECT_EQ(Set(a_, 1),
            GetParam().on_stream ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT);
  stream_ = nullptr;
  EXPECT_EQ(Set(a_, 1), CUDA_ERROR_INVALID_CONTEXT);
}

TEST_P(EachSetTest, RefusesAStaleStream) {
  if (!GetParam().on_stream) GTEST_SKIP() << "takes no stream";
  ASSERT_EQ(api_.StreamDestroy(stream_), CUDA_SUCCESS);
  EXPECT_EQ(Set(a_, 1), CUDA_ERROR_INVALID_HANDLE);
}

INSTANTIATE_TEST_SUITE_P(, EachSetTest, ::testing::ValuesIn(SetCases()),
                         [](const auto& info) { return info.param.name; });

TEST_F(CopyCallsTest, RefusesMemoryThatIsGone) {
  ASSERT_EQ(api_.MemFree(a_), CUDA_SUCCESS);
  EXPECT_EQ(api_.MemsetD8(a_, 1, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(api_.MemcpyDtoD(b_, a_, 1), CUDA_ERROR_INVALID_VALUE);
}

// Whoever unmaps waits for the copy that it meets. One thread sets memory over
// and over; the other lets one set succeed and takes the memory away a little
// later, in the midst of the next. Without the wait that one faults.
TEST_F(CopyCallsTest, HoldsOffThoseWhoUnmap) {
  const CUdeviceptr base = Reserve(kBlock);
  std::atomic<bool> done{false};
  std::atomic<int> successes{0};
  std::thread setter([&] {
    EXPECT_EQ(api_.CtxSetCurrent(context_), CUDA_SUCCESS);
    while (!done.load()) {
      const CUresult result = api_.MemsetD8(base, 1, kBlock);
      if (result == CUDA_SUCCESS) {
        ++successes;
      } else {
        EXPECT_EQ(result, CUDA_ERROR_INVALID_VALUE);
      }
    }
  });
  for (int round = 0; round < 20; ++round) {
    Commit(base);
    const int before = successes.load();
    while (successes.load() == before) std::this_thread::yield();
    for (int i = 0; i < 20 * round; ++i) api_.StreamQuery(stream_);
    EXPECT_EQ(api_.MemUnmap(base, kBlock), CUDA_SUCCESS);
  }
  done.store(true);
  setter.join();
  EXPECT_EQ(driver_->live_objects().handles, 0u);
}

}  // namespace
}  // namespace governor
