// Defines every exported name that has no function of its own, see
// exported_name.h.

#include "governor/driver/cuda_result_names.h"
#include "governor/driver/libcuda/exported_name.h"
#include "governor/driver/libcuda/forward.h"
#include "governor/driver/libcuda/row_symbols.h"
#include "governor/driver/libcuda/unsupported_symbols.h"
#include "governor/driver/libcuda/written_symbols.h"

namespace governor {
namespace {

CUresult AfterInit(CUresult answer) {
  int count = 0;
  const CUresult result = Forward<&DriverApi::DeviceGetCount>::Call(&count);
  return result == CUDA_SUCCESS ? answer : result;
}

// Whatever the arguments are: neither reads any.
CUresult NotSupported() { return AfterInit(CUDA_ERROR_NOT_SUPPORTED); }
CUresult ShortAddress() { return AfterInit(CUDA_ERROR_INVALID_CONTEXT); }

}  // namespace

template <>
CUresult CUDAAPI Forward<&DriverApi::GetErrorName>::Call(CUresult error,
                                                         const char** name) {
  if (name == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<CudaResultName> known = NameOfCudaResult(error);
  *name = known ? known->name : nullptr;
  return known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

template <>
CUresult CUDAAPI Forward<&DriverApi::GetErrorString>::Call(CUresult error,
                                                           const char** text) {
  if (text == nullptr) return CUDA_ERROR_INVALID_VALUE;
  const std::optional<CudaResultName> known = NameOfCudaResult(error);
  *text = known ? known->description : nullptr;
  return known ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

}  // namespace governor

GOVERNOR_EXPORT_POINTER(governor_not_supported, &governor::NotSupported)
GOVERNOR_EXPORT_POINTER(governor_short_address, &governor::ShortAddress)

#define GOVERNOR_EXPORT_ROW(field, symbol)                   \
  GOVERNOR_EXPORT_POINTER(                                   \
      governor_forward_##field,                              \
      &governor::Forward<&governor::DriverApi::field>::Call) \
  GOVERNOR_EXPORT(symbol, governor_forward_##field)
GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_EXPORT_ROW)
GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_EXPORT_ROW)

#define GOVERNOR_EXPORT_OLDER(field, symbol, version) \
  GOVERNOR_EXPORT(symbol, governor_forward_##field)
GOVERNOR_OLDER_SYMBOLS(GOVERNOR_EXPORT_OLDER)

#define GOVERNOR_EXPORT_OWN_STREAM(field, symbol, version)              \
  GOVERNOR_EXPORT_POINTER(                                              \
      governor_own_stream_##field,                                      \
      &governor::Forward<&governor::DriverApi::field>::CallOnOwnStream) \
  GOVERNOR_EXPORT(symbol, governor_own_stream_##field)
GOVERNOR_OWN_STREAM_SYMBOLS(GOVERNOR_EXPORT_OWN_STREAM)

#define GOVERNOR_EXPORT_SHORT_ADDRESS(symbol, version) \
  GOVERNOR_EXPORT(symbol, governor_short_address)
GOVERNOR_SHORT_ADDRESS_SYMBOLS(GOVERNOR_EXPORT_SHORT_ADDRESS)

#define GOVERNOR_EXPORT_UNSUPPORTED(symbol, version) \
  GOVERNOR_EXPORT(symbol, governor_not_supported)
GOVERNOR_UNSUPPORTED_SYMBOLS(GOVERNOR_EXPORT_UNSUPPORTED)
