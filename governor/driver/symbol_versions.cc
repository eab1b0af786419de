#include "governor/driver/symbol_versions.h"

#include "absl/strings/match.h"

namespace governor {
namespace {

struct Row {
  absl::string_view symbol;
  int version;
};

// From cudaTypedefs.h of CUDA 13.0, in driver_api.h's order.
constexpr Row kRows[] = {
    {"cuInit", 2000},
    {"cuDriverGetVersion", 2020},
    {"cuGetErrorName", 6000},
    {"cuGetErrorString", 6000},
    {"cuDeviceGet", 2000},
    {"cuDeviceGetCount", 2000},
    {"cuDeviceGetName", 2000},
    {"cuDeviceGetUuid_v2", 11040},
    {"cuDeviceTotalMem_v2", 3020},
    {"cuDeviceGetAttribute", 2000},
    {"cuDevicePrimaryCtxRetain", 7000},
    {"cuDevicePrimaryCtxRelease_v2", 11000},
    {"cuDevicePrimaryCtxGetState", 7000},
    {"cuCtxPushCurrent_v2", 4000},
    {"cuCtxPopCurrent_v2", 4000},
    {"cuCtxSetCurrent", 4000},
    {"cuCtxGetCurrent", 4000},
    {"cuCtxGetDevice", 2000},
    {"cuCtxSynchronize", 2000},
    {"cuMemGetAllocationGranularity", 10020},
    {"cuMemAddressReserve", 10020},
    {"cuMemAddressFree", 10020},
    {"cuMemCreate", 10020},
    {"cuMemRelease", 10020},
    {"cuMemMap", 10020},
    {"cuMemUnmap", 10020},
    {"cuMemSetAccess", 10020},
    {"cuMemGetAccess", 10020},
    {"cuMemGetAllocationPropertiesFromHandle", 10020},
    {"cuMemRetainAllocationHandle", 11000},
    {"cuMemGetInfo_v2", 3020},
    {"cuMemAlloc_v2", 3020},
    {"cuMemFree_v2", 3020},
    {"cuMemGetAddressRange_v2", 3020},
    {"cuPointerGetAttribute", 4000},
    {"cuPointerGetAttributes", 7000},
    {"cuMemcpy", 4000},
    {"cuMemcpyAsync", 4000},
    {"cuMemcpyHtoD_v2", 3020},
    {"cuMemcpyHtoDAsync_v2", 3020},
    {"cuMemcpyDtoH_v2", 3020},
    {"cuMemcpyDtoHAsync_v2", 3020},
    {"cuMemcpyDtoD_v2", 3020},
    {"cuMemcpyDtoDAsync_v2", 3020},
    {"cuMemsetD8_v2", 3020},
    {"cuMemsetD8Async", 3020},
    {"cuMemsetD16_v2", 3020},
    {"cuMemsetD16Async", 3020},
    {"cuMemsetD32_v2", 3020},
    {"cuMemsetD32Async", 3020},
    {"cuStreamCreate", 2000},
    {"cuStreamDestroy_v2", 4000},
    {"cuStreamSynchronize", 2000},
    {"cuStreamQuery", 2000},
    {"cuStreamWaitEvent", 3020},
    {"cuEventCreate", 2000},
    {"cuEventDestroy_v2", 4000},
    {"cuEventRecord", 2000},
    {"cuEventQuery", 2000},
    {"cuEventSynchronize", 2000},
    {"cuGetProcAddress_v2", 12000},
};

}  // namespace

absl::string_view BaseNameOf(absl::string_view symbol) {
  if (absl::EndsWith(symbol, "_v2")) symbol.remove_suffix(3);
  return symbol;
}

int IntroducedIn(absl::string_view symbol) {
  for (const Row& row : kRows) {
    if (row.symbol == symbol) return row.version;
  }
  return 0;
}

}  // namespace governor
