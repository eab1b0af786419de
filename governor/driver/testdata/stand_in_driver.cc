// A shared object with the symbols of driver_api.h. Each function answers its
// place in the list; cuDriverGetVersion and cuGetProcAddress_v2, which a loader
// calls, do their work. They get their exported names as assembler labels,
// because <cuda.h> has declared those names already.
#include <cstring>

#include "governor/driver/testdata/symbol_places.h"

// One type of function stands in for all, as no C library checks; clang's UBSan
// would, where the function says what its type is.
#ifdef __clang__
#define GOVERNOR_OF_ANY_TYPE __attribute__((no_sanitize("function")))
#else
#define GOVERNOR_OF_ANY_TYPE
#endif

namespace {

int Answer(governor::SymbolPlace place, int* argument) {
  if (place != governor::kPlaceOfDriverGetVersion) return place;
#ifdef CANNOT_TELL_ITS_VERSION
  static_cast<void>(argument);
  return CUDA_ERROR_SYSTEM_NOT_READY;
#else
  *argument = 11040;
  return CUDA_SUCCESS;
#endif
}

}  // namespace

#define GOVERNOR_EXPORT(field, symbol)                                \
  extern "C" int StandIn##field(int* argument) __asm__(#symbol);      \
  extern "C" GOVERNOR_OF_ANY_TYPE int StandIn##field(int* argument) { \
    return Answer(governor::kPlaceOf##field, argument);               \
  }
GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_EXPORT)

extern "C" int StandInGetProcAddress(
    const char* symbol, void** function, int version, cuuint64_t flags,
    void* status) __asm__("cuGetProcAddress_v2");
extern "C" GOVERNOR_OF_ANY_TYPE int StandInGetProcAddress(const char* symbol,
                                                          void** function,
                                                          int version,
                                                          cuuint64_t, void*) {
  // As measured on a driver: what it does not know is a success, and null.
  *function = nullptr;
#ifdef KNOWS_NO_PROC_ADDRESS
  static_cast<void>(symbol);
  static_cast<void>(version);
#else
  // Base names, and the versions that brought just these two.
  if (std::strcmp(symbol, "cuMemCreate") == 0 && version == 10020) {
    *function = reinterpret_cast<void*>(&StandInMemCreate);
  }
  if (std::strcmp(symbol, "cuMemGetInfo") == 0 && version == 3020) {
    *function = reinterpret_cast<void*>(&StandInMemGetInfo);
  }
#endif
  return CUDA_SUCCESS;
}
