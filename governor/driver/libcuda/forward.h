#ifndef GOVERNOR_DRIVER_LIBCUDA_FORWARD_H_
#define GOVERNOR_DRIVER_LIBCUDA_FORWARD_H_

#include "governor/driver/driver_api.h"
#include "governor/driver/libcuda/process_driver.h"

namespace governor {

// Calls `call` with the driver of this process, and publishes what the process
// holds after it.
template <typename Call>
CUresult OnProcessDriver(const Call& call) {
  CUresult why = CUDA_SUCCESS;
  ProcessDriver* const driver = ProcessDriver::Get(&why);
  if (driver == nullptr) return why;
  const CUresult result = call(*driver);
  driver->Publish();
  return result;
}

// A null stream means the calling thread's own.
inline CUstream OnOwnStream(CUstream stream) {
  return stream == nullptr ? CU_STREAM_PER_THREAD : stream;
}
template <typename Other>
Other OnOwnStream(Other other) {
  return other;
}

// One exported function for a row of driver_api.h.
template <auto field, typename Field = decltype(field)>
struct Forward;

template <auto field, typename... Args>
struct Forward<field, CUresult (CUDAAPI* DriverApi::*)(Args...)> {
  static CUresult CUDAAPI Call(Args... args) {
    return OnProcessDriver(
        [&](ProcessDriver& driver) { return (driver.api().*field)(args...); });
  }

  // The twin for programs compiled with per-thread default streams.
  static CUresult CUDAAPI CallOnOwnStream(Args... args) {
    return Call(OnOwnStream(args)...);
  }
};

// The rows for which this library does more.

// Whether cuInit succeeded decides what a forked child gets.
template <>
inline CUresult CUDAAPI Forward<&DriverApi::Init>::Call(unsigned int flags) {
  return OnProcessDriver([&](ProcessDriver& driver) {
    const CUresult result = driver.api().Init(flags);
    if (result == CUDA_SUCCESS) driver.NoteInit();
    return result;
  });
}

// What a device holds is asked for through one of its contexts.
template <>
inline CUresult CUDAAPI Forward<&DriverApi::DevicePrimaryCtxRetain>::Call(
    CUcontext* context, CUdevice device) {
  return OnProcessDriver([&](ProcessDriver& driver) {
    const CUresult result =
        driver.api().DevicePrimaryCtxRetain(context, device);
    if (result == CUDA_SUCCESS) driver.NoteContext(device, *context);
    return result;
  });
}
template <>
inline CUresult CUDAAPI Forward<&DriverApi::CtxCreate>::Call(
    CUcontext* context, CUctxCreateParams* params, unsigned int flags,
    CUdevice device) {
  return OnProcessDriver([&](ProcessDriver& driver) {
    const CUresult result =
        driver.api().CtxCreate(context, params, flags, device);
    if (result == CUDA_SUCCESS) driver.NoteContext(device, *context);
    return result;
  });
}

// A program asks for these when cuInit failed, whatever the reason.
template <>
CUresult CUDAAPI Forward<&DriverApi::GetErrorName>::Call(CUresult error,
                                                         const char** name);
template <>
CUresult CUDAAPI Forward<&DriverApi::GetErrorString>::Call(CUresult error,
                                                           const char** text);

// Answers with what this library exports.
template <>
CUresult CUDAAPI Forward<&DriverApi::GetProcAddress>::Call(
    const char* symbol, void** function, int version, cuuint64_t flags,
    CUdriverProcAddressQueryResult* found);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_LIBCUDA_FORWARD_H_
