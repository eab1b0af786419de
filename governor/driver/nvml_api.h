#ifndef GOVERNOR_DRIVER_NVML_API_H_
#define GOVERNOR_DRIVER_NVML_API_H_

namespace governor {

// The part of NVML that governor calls, with the names, layouts and signatures
// of NVIDIA's API reference, declared here so that its header is not needed.
// NVML's enums are int here: a newer library may answer what no header knew.

// The values of nvmlReturn_t that are told apart.
inline constexpr int kNvmlSuccess = 0;
inline constexpr int kNvmlInvalidArgument = 2;
inline constexpr int kNvmlNotSupported = 3;
inline constexpr int kNvmlNoPermission = 4;
inline constexpr int kNvmlNotFound = 6;
inline constexpr int kNvmlInsufficientSize = 7;
inline constexpr int kNvmlDriverNotLoaded = 9;
inline constexpr int kNvmlFunctionNotFound = 13;

using NvmlHandle = struct nvmlDevice_st*;

// nvmlMemory_t, in bytes. `used` has what the card keeps for itself.
struct NvmlMemory {
  unsigned long long total;
  unsigned long long free;
  unsigned long long used;
};

// nvmlProcessInfo_t of versions 2 and 3 of the call. `used_gpu_memory` may be
// kNvmlNotAvailable.
struct NvmlProcess {
  unsigned int pid;
  unsigned long long used_gpu_memory;
  unsigned int gpu_instance_id;
  unsigned int compute_instance_id;
};
inline constexpr unsigned long long kNvmlNotAvailable = ~0ULL;

// Filled by LoadNvml. A plain value.
struct NvmlApi {
  int (*Init)() = nullptr;
  int (*Shutdown)() = nullptr;
  const char* (*ErrorString)(int result) = nullptr;
  int (*DeviceGetHandleByUUID)(const char* uuid, NvmlHandle* device) = nullptr;
  int (*DeviceGetMemoryInfo)(NvmlHandle device, NvmlMemory* memory) = nullptr;
  // Version 3, or 2 where there is no 3.
  int (*DeviceGetComputeRunningProcesses)(NvmlHandle device,
                                          unsigned int* count,
                                          NvmlProcess* processes) = nullptr;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_NVML_API_H_
