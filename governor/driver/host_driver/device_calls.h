#ifndef GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_CALLS_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/host_driver/host_state.h"

namespace governor {

// Entry points: start, versions, error names, symbols, devices.
class DeviceCalls {
 public:
  explicit DeviceCalls(HostState& state) : state_(state) {}

  CUresult Init(unsigned int flags);
  CUresult DriverGetVersion(int* version);
  CUresult GetErrorName(CUresult error, const char** name);
  CUresult GetErrorString(CUresult error, const char** text);
  CUresult GetProcAddress(const char* symbol, void** function, int version,
                          cuuint64_t flags,
                          CUdriverProcAddressQueryResult* found);

  CUresult DeviceGet(CUdevice* device, int ordinal);
  CUresult DeviceGetCount(int* count);
  CUresult DeviceGetName(char* name, int size, CUdevice device);
  CUresult DeviceGetUuid(CUuuid* uuid, CUdevice device);
  CUresult DeviceTotalMem(size_t* bytes, CUdevice device);
  CUresult DeviceGetAttribute(int* value, CUdevice_attribute attribute,
                              CUdevice device);
  CUresult DeviceGetPCIBusId(char* bus_id, int length, CUdevice device);
  CUresult DeviceGetByPCIBusId(CUdevice* device, const char* bus_id);
  CUresult DeviceGetLuid(char* luid, unsigned int* node_mask, CUdevice device);

 private:
  HostState& state_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_DEVICE_CALLS_H_
