#ifndef GOVERNOR_DRIVER_CUDA_RESULT_NAMES_H_
#define GOVERNOR_DRIVER_CUDA_RESULT_NAMES_H_

#include <optional>

#include "governor/driver/driver_api.h"

namespace governor {

// What a CUresult is called and what it means, without asking a driver. Both
// are null-terminated and live for ever.
struct CudaResultName {
  const char* name;         // "CUDA_ERROR_OUT_OF_MEMORY"
  const char* description;  // "out of memory"
};

// nullopt for a number that CUDA 13.0 does not define. Thread-safe; O(log n).
std::optional<CudaResultName> NameOfCudaResult(CUresult result);

}  // namespace governor

#endif  // GOVERNOR_DRIVER_CUDA_RESULT_NAMES_H_
