// Copies and sets of plain ranges.

#include <functional>
#include <string>
#include <vector>

#include "tests/conformance/conformance_fixture.h"

namespace governor {
namespace {

constexpr size_t kWords = 1024;
constexpr size_t kSize = kWords * sizeof(uint32_t);

class CopyConformance : public ConformanceTest {
 protected:
  void SetUp() override {
    ConformanceTest::SetUp();
    a_ = NewLinear(kSize);
    b_ = NewLinear(kSize);
    unmapped_ = Reserve(block());
    stream_ = NewStream();
    for (size_t i = 0; i < kWords; ++i) host_.push_back(1000 + i);
    EXPECT_OK(MemcpyHtoD, a_, host_.data(), kSize);
    EXPECT_OK(MemsetD8, b_, 0, kSize);
    EXPECT_OK(CtxSynchronize);
  }

  // Whether all of `host_` is in device memory there.
  bool Holds(CUdeviceptr address) {
    std::vector<uint32_t> got(kWords);
    EXPECT_OK(StreamSynchronize, stream_);
    EXPECT_OK(MemcpyDtoH, got.data(), address, kSize);
    return got == host_;
  }

  // What a call that works on bytes of the device answers to addresses without
  // memory, and without a context.
  void RefusesMisuse(const char* row,
                     const std::function<CUresult(CUdeviceptr)>& call) {
    // What takes any address takes these for the host's, and crashes there.
    const bool takes_any =
        row == std::string("Memcpy") || row == std::string("MemcpyAsync");
    if (!takes_any || !device().is_hardware()) {
      EXPECT_TRUE(Conforms(row, CUDA_ERROR_INVALID_VALUE, call(unmapped_)));
      EXPECT_TRUE(Conforms(row, CUDA_ERROR_INVALID_VALUE, call(0)));
    }
    const NoContext none;
    EXPECT_TRUE(Conforms(row, CUDA_ERROR_INVALID_CONTEXT, call(b_)));
  }

  // The same of a stream that is gone.
  void RefusesAStaleStream(const char* row,
                           const std::function<CUresult(CUstream)>& call) {
    CUstream stale = nullptr;
    ASSERT_OK(StreamCreate, &stale, 0);
    ASSERT_OK(StreamDestroy, stale);
    EXPECT_TRUE(Conforms(row, CUDA_ERROR_INVALID_HANDLE, call(stale)));
  }

  CUdeviceptr a_ = 0, b_ = 0, unmapped_ = 0;
  CUstream stream_ = nullptr;
  std::vector<uint32_t> host_;
};

TEST_F(CopyConformance, CopiesBetweenAnyAddresses) {
  EXPECT_OK(Memcpy, b_, a_, kSize);
  EXPECT_TRUE(Holds(b_));
  std::vector<uint32_t> got(kWords);
  EXPECT_OK(Memcpy, Address(got.data()), a_, kSize);
  EXPECT_EQ(got, host_);
}

TEST_F(CopyConformance, CopiesBetweenAnyAddressesInOrder) {
  EXPECT_OK(MemcpyAsync, b_, a_, kSize, stream_);
  EXPECT_TRUE(Holds(b_));
}

TEST_F(CopyConformance, CopiesToTheDevice) {
  EXPECT_OK(MemcpyHtoD, b_, host_.data(), kSize);
  EXPECT_TRUE(Holds(b_));
}

TEST_F(CopyConformance, CopiesToTheDeviceInOrder) {
  EXPECT_OK(MemcpyHtoDAsync, b_, host_.data(), kSize, stream_);
  EXPECT_TRUE(Holds(b_));
}

TEST_F(CopyConformance, CopiesToTheHost) {
  std::vector<uint32_t> got(kWords);
  EXPECT_OK(MemcpyDtoH, got.data(), a_, kSize);
  EXPECT_EQ(got, host_);
}

TEST_F(CopyConformance, CopiesToTheHostInOrder) {
  std::vector<uint32_t> got(kWords);
  EXPECT_OK(MemcpyDtoHAsync, got.data(), a_, kSize, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(got, host_);
}

TEST_F(CopyConformance, CopiesOnTheDevice) {
  EXPECT_OK(MemcpyDtoD, b_, a_, kSize);
  EXPECT_TRUE(Holds(b_));
}

TEST_F(CopyConformance, CopiesOnTheDeviceInOrder) {
  EXPECT_OK(MemcpyDtoDAsync, b_, a_, kSize, stream_);
  EXPECT_TRUE(Holds(b_));
}

TEST_F(CopyConformance, CopiesNoMoreThanAsked) {
  EXPECT_OK(MemcpyDtoD, b_ + 4, a_, 8);
  EXPECT_EQ(Read(b_), 0u);
  EXPECT_EQ(Read(b_ + 4), 1000u);
  EXPECT_EQ(Read(b_ + 8), 1001u);
  EXPECT_EQ(Read(b_ + 12), 0u);
}

TEST_F(CopyConformance, CopiesNothing) {
  EXPECT_OK(MemcpyDtoD, b_, a_, 0);
  EXPECT_OK(MemcpyHtoD, b_, host_.data(), 0);
  EXPECT_OK(MemcpyDtoH, host_.data(), a_, 0);
  EXPECT_EQ(Read(b_), 0u);
}

TEST_F(CopyConformance, CrossesMappings) {
  const CUdeviceptr base = Reserve(2 * block());
  Commit(base, block());
  Commit(base + block(), block());
  EXPECT_OK(MemcpyHtoD, base + block() - kSize / 2, host_.data(), kSize);
  EXPECT_TRUE(Holds(base + block() - kSize / 2));
}

TEST_F(CopyConformance, StopsAtTheEndOfAMapping) {
  const CUdeviceptr base = Reserve(2 * block());
  Commit(base, block());
  EXPECT_REFUSED(INVALID_VALUE, MemcpyDtoD, base + block() - 4, a_, 8);
}

TEST_F(CopyConformance, MemcpyRefusesMisuse) {
  RefusesMisuse("Memcpy", [&](CUdeviceptr bad) {
    return GOVERNOR_CALL(Memcpy, bad, a_, 8);
  });
}

TEST_F(CopyConformance, MemcpyAsyncRefusesMisuse) {
  RefusesMisuse("MemcpyAsync", [&](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemcpyAsync, bad, a_, 8, nullptr);
  });
}

TEST_F(CopyConformance, MemcpyHtoDRefusesMisuse) {
  RefusesMisuse("MemcpyHtoD", [&](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemcpyHtoD, bad, host_.data(), 8);
  });
}

TEST_F(CopyConformance, MemcpyHtoDAsyncRefusesMisuse) {
  RefusesMisuse("MemcpyHtoDAsync", [&](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemcpyHtoDAsync, bad, host_.data(), 8, nullptr);
  });
}

TEST_F(CopyConformance, MemcpyDtoHRefusesMisuse) {
  RefusesMisuse("MemcpyDtoH", [&](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemcpyDtoH, host_.data(), bad, 8);
  });
}

TEST_F(CopyConformance, MemcpyDtoHAsyncRefusesMisuse) {
  RefusesMisuse("MemcpyDtoHAsync", [&](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemcpyDtoHAsync, host_.data(), bad, 8, nullptr);
  });
}

TEST_F(CopyConformance, MemcpyDtoDRefusesMisuse) {
  RefusesMisuse("MemcpyDtoD", [&](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemcpyDtoD, b_, bad, 8);
  });
}

TEST_F(CopyConformance, MemcpyDtoDAsyncRefusesMisuse) {
  RefusesMisuse("MemcpyDtoDAsync", [&](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemcpyDtoDAsync, b_, bad, 8, nullptr);
  });
}

// Memory of the host is no memory of the device.
TEST_F(CopyConformance, TellsHostFromDevice) {
  EXPECT_REFUSED(INVALID_VALUE, MemcpyHtoD, Address(host_.data()), host_.data(),
                 8);
  EXPECT_REFUSED(INVALID_VALUE, MemcpyDtoD, b_, Address(host_.data()), 8);
}

TEST_F(CopyConformance, CopiesRefuseStaleStreams) {
  HOST_DRIVER_ONLY();
  RefusesAStaleStream("MemcpyAsync", [&](CUstream stale) {
    return GOVERNOR_CALL(MemcpyAsync, b_, a_, 8, stale);
  });
  RefusesAStaleStream("MemcpyHtoDAsync", [&](CUstream stale) {
    return GOVERNOR_CALL(MemcpyHtoDAsync, b_, host_.data(), 8, stale);
  });
  RefusesAStaleStream("MemcpyDtoHAsync", [&](CUstream stale) {
    return GOVERNOR_CALL(MemcpyDtoHAsync, host_.data(), a_, 8, stale);
  });
  RefusesAStaleStream("MemcpyDtoDAsync", [&](CUstream stale) {
    return GOVERNOR_CALL(MemcpyDtoDAsync, b_, a_, 8, stale);
  });
}

TEST_F(CopyConformance, SetsBytes) {
  EXPECT_OK(MemsetD8, b_ + 4, 0x5a, 8);
  EXPECT_EQ(Read(b_), 0u);
  EXPECT_EQ(Read(b_ + 4), 0x5a5a5a5au);
  EXPECT_EQ(Read(b_ + 12), 0u);
  EXPECT_OK(MemsetD8Async, b_ + 12, 0xa5, 4, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Read(b_ + 12), 0xa5a5a5a5u);
}

TEST_F(CopyConformance, SetsHalfWords) {
  EXPECT_OK(MemsetD16, b_ + 4, 0x1234, 4);
  EXPECT_EQ(Read(b_), 0u);
  EXPECT_EQ(Read(b_ + 8), 0x12341234u);
  EXPECT_EQ(Read(b_ + 12), 0u);
  EXPECT_OK(MemsetD16Async, b_ + 12, 0x4321, 2, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Read(b_ + 12), 0x43214321u);
}

TEST_F(CopyConformance, SetsWords) {
  EXPECT_OK(MemsetD32, b_ + 4, 0x12345678, 2);
  EXPECT_EQ(Read(b_), 0u);
  EXPECT_EQ(Read(b_ + 8), 0x12345678u);
  EXPECT_EQ(Read(b_ + 12), 0u);
  EXPECT_OK(MemsetD32Async, b_ + 12, 0x87654321, 1, stream_);
  EXPECT_OK(StreamSynchronize, stream_);
  EXPECT_EQ(Read(b_ + 12), 0x87654321u);
}

TEST_F(CopyConformance, SetsNothing) {
  EXPECT_OK(MemsetD8, b_, 1, 0);
  EXPECT_OK(MemsetD32, b_, 1, 0);
  EXPECT_EQ(Read(b_), 0u);
}

TEST_F(CopyConformance, SetsWantAlignedAddresses) {
  EXPECT_REFUSED(INVALID_VALUE, MemsetD16, b_ + 1, 1, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemsetD32, b_ + 2, 1, 1);
  EXPECT_REFUSED(INVALID_VALUE, MemsetD16Async, b_ + 1, 1, 1, stream_);
  EXPECT_REFUSED(INVALID_VALUE, MemsetD32Async, b_ + 2, 1, 1, stream_);
}

TEST_F(CopyConformance, SetsRefuseMisuse) {
  RefusesMisuse("MemsetD8", [](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemsetD8, bad, 1, 8);
  });
  RefusesMisuse("MemsetD16", [](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemsetD16, bad, 1, 4);
  });
  RefusesMisuse("MemsetD32", [](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemsetD32, bad, 1, 2);
  });
}

TEST_F(CopyConformance, SetsInOrderRefuseMisuse) {
  RefusesMisuse("MemsetD8Async", [](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemsetD8Async, bad, 1, 8, nullptr);
  });
  RefusesMisuse("MemsetD16Async", [](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemsetD16Async, bad, 1, 4, nullptr);
  });
  RefusesMisuse("MemsetD32Async", [](CUdeviceptr bad) {
    return GOVERNOR_CALL(MemsetD32Async, bad, 1, 2, nullptr);
  });
}

TEST_F(CopyConformance, SetsRefuseStaleStreams) {
  HOST_DRIVER_ONLY();
  RefusesAStaleStream("MemsetD8Async", [&](CUstream stale) {
    return GOVERNOR_CALL(MemsetD8Async, b_, 1, 8, stale);
  });
  RefusesAStaleStream("MemsetD16Async", [&](CUstream stale) {
    return GOVERNOR_CALL(MemsetD16Async, b_, 1, 4, stale);
  });
  RefusesAStaleStream("MemsetD32Async", [&](CUstream stale) {
    return GOVERNOR_CALL(MemsetD32Async, b_, 1, 2, stale);
  });
}

// A stream brings its own context.
TEST_F(CopyConformance, AStreamBringsItsContext) {
  {
    const NoContext none;
    EXPECT_OK(MemcpyDtoDAsync, b_, a_, 8, stream_);
    EXPECT_OK(MemsetD32Async, b_ + 8, 42, 1, stream_);
    EXPECT_OK(StreamSynchronize, stream_);
  }
  EXPECT_EQ(Read(b_ + 4), 1001u);
  EXPECT_EQ(Read(b_ + 8), 42u);
}

// The default stream of the thread, by its handle, wherever a stream may be.
TEST_F(CopyConformance, KnowsThePerThreadStream) {
  EXPECT_OK(MemcpyDtoDAsync, b_, a_, 8, CU_STREAM_PER_THREAD);
  EXPECT_OK(MemsetD32Async, b_ + 8, 42, 1, CU_STREAM_PER_THREAD);
  EXPECT_OK(StreamSynchronize, CU_STREAM_PER_THREAD);
  EXPECT_EQ(Read(b_ + 4), 1001u);
  EXPECT_EQ(Read(b_ + 8), 42u);
  EXPECT_OK(MemsetD8Async, b_ + 12, 1, 4, CU_STREAM_LEGACY);
  EXPECT_EQ(Read(b_ + 12), 0x01010101u);
}

}  // namespace
}  // namespace governor
