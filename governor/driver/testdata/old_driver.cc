// What a driver of CUDA 11.2 is to a loader: its version.
#include "governor/driver/driver_api.h"

extern "C" CUresult cuDriverGetVersion(int* version) {
  *version = 11020;
  return CUDA_SUCCESS;
}
