// What a block of memory costs in the driver: create, map, allow access, unmap,
// release. On the host driver, whose own cost every test pays, and with
// GOVERNOR_TEST_DRIVER=cuda on the machine's GPU.

#include <cstdint>

#include "benchmark/benchmark.h"
#include "governor/memory/test_device.h"

namespace governor {
namespace {

void ChunkCycle(benchmark::State& state) {
  TestDevice device("h200,memory=8GiB");
  const DriverApi& api = device.api();
  const uint64_t size = static_cast<uint64_t>(state.range(0)) << 20;
  const CUmemAllocationProp properties =
      device.context()->device().allocation_properties();
  CUmemAccessDesc access = {};
  access.location = properties.location;
  access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
  CUdeviceptr base = 0;
  bool ok = api.MemAddressReserve(&base, size, 0, 0, 0) == CUDA_SUCCESS;
  for (auto _ : state) {
    CUmemGenericAllocationHandle handle = 0;
    ok = ok && api.MemCreate(&handle, size, &properties, 0) == CUDA_SUCCESS &&
         api.MemMap(base, size, 0, handle, 0) == CUDA_SUCCESS &&
         api.MemSetAccess(base, size, &access, 1) == CUDA_SUCCESS &&
         api.MemUnmap(base, size) == CUDA_SUCCESS &&
         api.MemRelease(handle) == CUDA_SUCCESS;
  }
  ok = ok && api.MemAddressFree(base, size) == CUDA_SUCCESS;
  if (!ok) state.SkipWithError("a driver call failed");
}
BENCHMARK(ChunkCycle)->ArgName("MiB")->Arg(2)->Arg(32)->UseRealTime();

}  // namespace
}  // namespace governor
