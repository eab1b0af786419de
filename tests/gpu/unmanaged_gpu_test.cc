// Unmanaged memory on hardware: the means against one another, and against what
// NVML says of this process, through a context, a plain allocation, a matrix
// product and a captured graph. tests/gpu/BUILD says how to run it.

#include <dlfcn.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "governor/driver/device.h"
#include "governor/driver/driver_loader.h"
#include "governor/driver/primary_context.h"
#include "governor/host/unmanaged_memory.h"
#include "gtest/gtest.h"

namespace governor {
namespace {

// c = a * b, of n x n floats; made by nvcc 13.0 from the obvious source.
constexpr char kMatmul[] = R"(
.version 7.0
.target sm_70
.address_size 64
.visible .entry matmul(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 n)
{
  .reg .pred %p<6>;
  .reg .f32 %f<10>;
  .reg .b32 %r<16>;
  .reg .b64 %rd<20>;
  ld.param.u64 %rd8, [a];
  ld.param.u64 %rd9, [b];
  ld.param.u64 %rd10, [c];
  ld.param.u32 %r6, [n];
  mov.u32 %r7, %ntid.y;
  mov.u32 %r8, %ctaid.y;
  mov.u32 %r9, %tid.y;
  mad.lo.s32 %r1, %r8, %r7, %r9;
  mov.u32 %r10, %ntid.x;
  mov.u32 %r11, %ctaid.x;
  mov.u32 %r12, %tid.x;
  mad.lo.s32 %r2, %r11, %r10, %r12;
  setp.ge.s32 %p1, %r1, %r6;
  setp.ge.s32 %p2, %r2, %r6;
  or.pred %p3, %p2, %p1;
  @%p3 bra DONE;
  mul.lo.s32 %r3, %r1, %r6;
  mov.f32 %f9, 0f00000000;
  cvta.to.global.u64 %rd11, %rd8;
  mul.wide.s32 %rd12, %r3, 4;
  add.s64 %rd19, %rd11, %rd12;
  cvta.to.global.u64 %rd13, %rd9;
  mul.wide.s32 %rd14, %r2, 4;
  add.s64 %rd18, %rd13, %rd14;
  mul.wide.s32 %rd3, %r6, 4;
  mov.u32 %r15, 0;
NEXT:
  ld.global.f32 %f6, [%rd18];
  ld.global.f32 %f7, [%rd19];
  fma.rn.f32 %f9, %f7, %f6, %f9;
  add.s64 %rd19, %rd19, 4;
  add.s64 %rd18, %rd18, %rd3;
  add.s32 %r15, %r15, 1;
  setp.lt.s32 %p5, %r15, %r6;
  @%p5 bra NEXT;
  add.s32 %r14, %r3, %r2;
  cvta.to.global.u64 %rd15, %rd10;
  mul.wide.s32 %rd16, %r14, 4;
  add.s64 %rd17, %rd15, %rd16;
  st.global.f32 [%rd17], %f9;
DONE:
  ret;
}
)";

constexpr uint32_t kSide = 1024;
constexpr Bytes kMatrix(uint64_t{kSide} * kSide * 4);
constexpr Bytes kTolerance = MiB(2);

// What the library's own table has no row for: it runs no kernels.
struct Kernels {
  decltype(&::cuModuleLoadData) load;
  decltype(&::cuModuleGetFunction) find;
  decltype(&::cuLaunchKernel) launch;

  static Kernels Load() {
    void* const library = dlopen("libcuda.so.1", RTLD_NOW);
    const auto symbol = [&](const char* name) { return dlsym(library, name); };
    return {reinterpret_cast<decltype(load)>(symbol("cuModuleLoadData")),
            reinterpret_cast<decltype(find)>(symbol("cuModuleGetFunction")),
            reinterpret_cast<decltype(launch)>(symbol("cuLaunchKernel"))};
  }
};

int64_t Signed(Bytes size) { return static_cast<int64_t>(size.count()); }

class UnmanagedGpuTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* const driver = std::getenv("GOVERNOR_TEST_DRIVER");
    if (driver == nullptr || absl::string_view(driver) != "cuda") {
      GTEST_SKIP() << "needs a GPU: GOVERNOR_TEST_DRIVER=cuda";
    }
    const auto api = LoadDriver();
    ASSERT_TRUE(api.ok()) << api.status();
    const auto device = Device::Open(*api, 0);
    ASSERT_TRUE(device.ok()) << device.status();
    UnmanagedBaseline best = TakeUnmanagedBaseline(*device, {});
    ASSERT_NE(best.nvml, nullptr) << best.why_no_nvml;
    nvml_ = best.nvml;
    // As in a container that hides processes, and as without NVML.
    UnmanagedBaseline hidden = best;
    hidden.number_is_taken = true;
    UnmanagedMeterOptions without;
    without.nvml_library = "";
    UnmanagedBaseline bare = TakeUnmanagedBaseline(*device, without);
    auto context = PrimaryContext::Retain(*device);
    ASSERT_TRUE(context.ok()) << context.status();
    context_ = *context;
    ASSERT_EQ(Api().CtxSetCurrent(context_->handle()), CUDA_SUCCESS);
    meter_ = MakeUnmanagedMeter(context_, std::move(best));
    by_device_ = MakeUnmanagedMeter(context_, std::move(hidden));
    by_driver_ = MakeUnmanagedMeter(context_, std::move(bare));
  }

  const DriverApi& Api() const { return context_->device().api(); }

  // NVML's figure for this process; that of the only one, where NVML counts in
  // another PID namespace.
  std::optional<Bytes> Truth() const {
    const auto processes = nvml_->ReadProcesses();
    if (!processes.ok()) return std::nullopt;
    for (const NvmlDevice::Process& process : *processes) {
      if (process.pid == getpid()) return process.used;
    }
    if (processes->size() == 1) return processes->front().used;
    return std::nullopt;
  }

  // One stage: every means says what NVML says. Returns what they say.
  Bytes Compare(const char* stage, Bytes governed = Bytes()) {
    EXPECT_EQ(Api().CtxSynchronize(), CUDA_SUCCESS);
    const auto best = meter_->Read(governed);
    const auto by_device = by_device_->Read(governed);
    const auto by_driver = by_driver_->Read(governed);
    const std::optional<Bytes> truth = Truth();
    EXPECT_TRUE(best.ok()) << best.status();
    EXPECT_TRUE(by_device.ok()) << by_device.status();
    EXPECT_TRUE(by_driver.ok()) << by_driver.status();
    if (!best.ok() || !by_device.ok() || !by_driver.ok()) return Bytes();
    std::cout << absl::StrFormat(
        "UNMANAGED %-10s %s %d uncertainty %d; delta by NVML %d uncertainty "
        "%d; delta by cuMemGetInfo %d; NVML's process %d, governed %d\n",
        stage, best->means, best->unmanaged.count(), best->uncertainty.count(),
        by_device->unmanaged.count(), by_device->uncertainty.count(),
        by_driver->unmanaged.count(), truth ? Signed(*truth) : -1,
        governed.count());
    EXPECT_TRUE(truth.has_value()) << "NVML tells nothing of this process";
    const int64_t expected = Signed(truth.value_or(Bytes()) - governed);
    EXPECT_NEAR(Signed(best->unmanaged), expected,
                Signed(kTolerance + best->uncertainty))
        << stage;
    // What the driver took for itself is in the others' figures: they are right
    // within what they say, and in how they grow.
    EXPECT_NEAR(Signed(by_device->unmanaged), expected,
                Signed(kTolerance + by_device->uncertainty))
        << stage;
    const int64_t own_by_device = Signed(by_device->unmanaged) - expected;
    const int64_t own_by_driver = Signed(by_driver->unmanaged) - expected;
    if (!first_own_) first_own_ = {own_by_device, own_by_driver};
    EXPECT_NEAR(own_by_device, first_own_->first, Signed(kTolerance)) << stage;
    EXPECT_NEAR(own_by_driver, first_own_->second, Signed(kTolerance)) << stage;
    return best->unmanaged;
  }

  CUdeviceptr Allocate(Bytes size) {
    CUdeviceptr address = 0;
    EXPECT_EQ(Api().MemAlloc(&address, size.count()), CUDA_SUCCESS);
    return address;
  }

  std::shared_ptr<const NvmlDevice> nvml_;
  std::shared_ptr<PrimaryContext> context_;
  std::unique_ptr<UnmanagedMeter> meter_;
  std::unique_ptr<UnmanagedMeter> by_device_;
  std::unique_ptr<UnmanagedMeter> by_driver_;
  std::optional<std::pair<int64_t, int64_t>> first_own_;
};

TEST_F(UnmanagedGpuTest, PlainAllocationShowsWithinTwoMebibytes) {
  const Bytes context = Compare("context");
  EXPECT_GT(context, MiB(100));
  const CUdeviceptr plain = Allocate(MiB(777));
  const Bytes with = Compare("777MiB");
  EXPECT_NEAR(Signed(with - context), Signed(MiB(777)), Signed(kTolerance));
  ASSERT_EQ(Api().MemFree(plain), CUDA_SUCCESS);
  EXPECT_NEAR(Signed(Compare("freed")), Signed(context), Signed(kTolerance));
}

TEST_F(UnmanagedGpuTest, WhatIsGovernedIsNotUnmanaged) {
  const Bytes before = Compare("before");
  const CUmemAllocationProp properties =
      context_->device().allocation_properties();
  CUmemGenericAllocationHandle chunk = 0;
  ASSERT_EQ(Api().MemCreate(&chunk, GiB(1).count(), &properties, 0),
            CUDA_SUCCESS);
  EXPECT_NEAR(Signed(Compare("governed", GiB(1))), Signed(before),
              Signed(kTolerance));
  ASSERT_EQ(Api().MemRelease(chunk), CUDA_SUCCESS);
}

TEST_F(UnmanagedGpuTest, MatmulAndCapturedGraphAgreeWithNvml) {
  const Kernels kernels = Kernels::Load();
  ASSERT_NE(kernels.load, nullptr);
  ASSERT_NE(kernels.find, nullptr);
  ASSERT_NE(kernels.launch, nullptr);
  CUmodule module = nullptr;
  CUfunction matmul = nullptr;
  ASSERT_EQ(kernels.load(&module, kMatmul), CUDA_SUCCESS);
  ASSERT_EQ(kernels.find(&matmul, module, "matmul"), CUDA_SUCCESS);

  CUdeviceptr a = Allocate(kMatrix), b = Allocate(kMatrix);
  CUdeviceptr c = Allocate(kMatrix);
  constexpr uint32_t kOne = 0x3f800000, kTwo = 0x40000000;
  ASSERT_EQ(Api().MemsetD32(a, kOne, kSide * kSide), CUDA_SUCCESS);
  ASSERT_EQ(Api().MemsetD32(b, kTwo, kSide * kSide), CUDA_SUCCESS);
  CUstream stream = nullptr;
  ASSERT_EQ(Api().StreamCreate(&stream, CU_STREAM_NON_BLOCKING), CUDA_SUCCESS);
  const auto launch = [&](CUdeviceptr out) {
    uint32_t side = kSide;
    void* arguments[] = {&a, &b, &out, &side};
    return kernels.launch(matmul, kSide / 16, kSide / 16, 1, 16, 16, 1, 0,
                          stream, arguments, nullptr);
  };
  ASSERT_EQ(launch(c), CUDA_SUCCESS);
  const Bytes after_matmul = Compare("matmul");
  float corner = 0;
  ASSERT_EQ(Api().MemcpyDtoH(&corner, c + kMatrix.count() - 4, 4),
            CUDA_SUCCESS);
  EXPECT_EQ(corner, 2.0f * kSide);

  // A graph with memory of its own.
  CUdeviceptr scratch = 0;
  CUgraph graph = nullptr;
  CUgraphExec executable = nullptr;
  ASSERT_EQ(
      Api().StreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
      CUDA_SUCCESS);
  ASSERT_EQ(Api().MemAllocAsync(&scratch, MiB(256).count(), stream),
            CUDA_SUCCESS);
  ASSERT_EQ(launch(scratch), CUDA_SUCCESS);
  ASSERT_EQ(Api().MemFreeAsync(scratch, stream), CUDA_SUCCESS);
  ASSERT_EQ(Api().StreamEndCapture(stream, &graph), CUDA_SUCCESS);
  Compare("captured");
  ASSERT_EQ(Api().GraphInstantiate(&executable, graph, 0), CUDA_SUCCESS);
  Compare("made");
  ASSERT_EQ(Api().GraphLaunch(executable, stream), CUDA_SUCCESS);
  const Bytes after_graph = Compare("graph");
  EXPECT_GE(after_graph + kTolerance, after_matmul + MiB(256));

  ASSERT_EQ(Api().GraphExecDestroy(executable), CUDA_SUCCESS);
  ASSERT_EQ(Api().GraphDestroy(graph), CUDA_SUCCESS);
  Compare("destroyed");
  ASSERT_EQ(Api().StreamDestroy(stream), CUDA_SUCCESS);
  for (const CUdeviceptr matrix : {a, b, c}) {
    ASSERT_EQ(Api().MemFree(matrix), CUDA_SUCCESS);
  }
}

}  // namespace
}  // namespace governor
