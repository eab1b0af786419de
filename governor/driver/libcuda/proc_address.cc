// cuGetProcAddress, from one table of all exported names.

#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "governor/driver/libcuda/forward.h"
#include "governor/driver/libcuda/row_symbols.h"
#include "governor/driver/libcuda/unsupported_symbols.h"
#include "governor/driver/libcuda/written_symbols.h"
#include "governor/driver/symbol_versions.h"

namespace governor {
namespace {

// Where each exported name is, whatever its prototype.
#define GOVERNOR_PLACE(symbol) \
  extern "C" const char governor_place_of_##symbol[] asm(#symbol);
#define GOVERNOR_PLACE_2(symbol, version) GOVERNOR_PLACE(symbol)
#define GOVERNOR_PLACE_3(field, symbol, version) GOVERNOR_PLACE(symbol)
#define GOVERNOR_PLACE_ROW(field, symbol) GOVERNOR_PLACE(symbol)
GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_PLACE_ROW)
GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_PLACE_ROW)
GOVERNOR_OLDER_SYMBOLS(GOVERNOR_PLACE_3)
GOVERNOR_OWN_STREAM_SYMBOLS(GOVERNOR_PLACE_3)
GOVERNOR_WRITTEN_SYMBOLS(GOVERNOR_PLACE_2)
GOVERNOR_SHORT_ADDRESS_SYMBOLS(GOVERNOR_PLACE_2)
GOVERNOR_UNSUPPORTED_SYMBOLS(GOVERNOR_PLACE_2)

constexpr int kVersionOfRow = -1;  // IntroducedIn says it

struct Export {
  absl::string_view symbol;
  int version;  // 0: not to be asked for
  const char* place;
};

constexpr Export kExports[] = {
#define GOVERNOR_ENTRY(symbol, version) \
  {#symbol, version, governor_place_of_##symbol},
#define GOVERNOR_ENTRY_3(field, symbol, version) GOVERNOR_ENTRY(symbol, version)
#define GOVERNOR_ENTRY_ROW(field, symbol) GOVERNOR_ENTRY(symbol, kVersionOfRow)
    GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_ENTRY_ROW)
        GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_ENTRY_ROW)
            GOVERNOR_OLDER_SYMBOLS(GOVERNOR_ENTRY_3)
                GOVERNOR_OWN_STREAM_SYMBOLS(GOVERNOR_ENTRY_3)
                    GOVERNOR_WRITTEN_SYMBOLS(GOVERNOR_ENTRY)
                        GOVERNOR_SHORT_ADDRESS_SYMBOLS(GOVERNOR_ENTRY)
                            GOVERNOR_UNSUPPORTED_SYMBOLS(GOVERNOR_ENTRY)};

bool IsOnOwnStream(absl::string_view symbol) {
  return absl::EndsWith(symbol, "_ptds") || absl::EndsWith(symbol, "_ptsz");
}

// `cuMemcpyHtoD_v2_ptds` → `cuMemcpyHtoD`.
absl::string_view NameAskedFor(absl::string_view symbol) {
  if (IsOnOwnStream(symbol)) symbol.remove_suffix(5);
  for (const absl::string_view suffix : {"_v2", "_v3", "_v4"}) {
    if (absl::ConsumeSuffix(&symbol, suffix)) break;
  }
  return symbol;
}

struct Answer {
  const char* place = nullptr;  // null unless `status` is a success
  CUdriverProcAddressQueryResult status = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
};

// The newest export of that name up to that version.
Answer Find(absl::string_view name, int version, bool on_own_stream) {
  Answer answer;
  int newest = 0;
  for (const Export& row : kExports) {
    if (IsOnOwnStream(row.symbol) != on_own_stream ||
        NameAskedFor(row.symbol) != name || row.version == 0) {
      continue;
    }
    const int introduced =
        row.version == kVersionOfRow ? IntroducedIn(row.symbol) : row.version;
    if (introduced <= version && introduced > newest) {
      newest = introduced;
      answer = {row.place, CU_GET_PROC_ADDRESS_SUCCESS};
    } else if (answer.place == nullptr) {
      answer.status = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
    }
  }
  return answer;
}

CUresult GetProcAddress(const char* symbol, int version, cuuint64_t flags,
                        Answer* answer) {
  constexpr cuuint64_t kKnownFlags =
      CU_GET_PROC_ADDRESS_LEGACY_STREAM |
      CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM;
  CUresult why = CUDA_SUCCESS;
  ProcessDriver* const driver = ProcessDriver::Get(&why);
  if (driver == nullptr) return why;
  const int newest = driver->personality().driver_version;
  if (symbol == nullptr || (flags & ~kKnownFlags) != 0 || version > newest) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Measured on an H200 with driver 580.159.04, as is all of this: a negative
  // version is as good as the newest, and a name that has a twin on the
  // thread's own stream has only twins there.
  if (version < 0) version = newest;
  if ((flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) != 0) {
    *answer = Find(symbol, version, /*on_own_stream=*/true);
    if (answer->status != CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND) {
      return CUDA_SUCCESS;
    }
  }
  *answer = Find(symbol, version, /*on_own_stream=*/false);
  return CUDA_SUCCESS;
}

void* AddressOf(const Answer& answer) {
  return const_cast<char*>(answer.place);
}

}  // namespace

template <>
CUresult CUDAAPI Forward<&DriverApi::GetProcAddress>::Call(
    const char* symbol, void** function, int version, cuuint64_t flags,
    CUdriverProcAddressQueryResult* found) {
  if (function == nullptr) return CUDA_ERROR_INVALID_VALUE;
  Answer answer;
  const CUresult result = GetProcAddress(symbol, version, flags, &answer);
  if (result != CUDA_SUCCESS) return result;
  // Measured: what is not found is a success too, and null.
  *function = AddressOf(answer);
  if (found != nullptr) *found = answer.status;
  return CUDA_SUCCESS;
}

}  // namespace governor

// The first version had no status, and so an error.
extern "C" CUresult CUDAAPI cuGetProcAddress(const char* symbol,
                                             void** function, int version,
                                             cuuint64_t flags) {
  if (function == nullptr) return CUDA_ERROR_INVALID_VALUE;
  governor::Answer answer;
  const CUresult result =
      governor::GetProcAddress(symbol, version, flags, &answer);
  if (result != CUDA_SUCCESS) return result;
  if (answer.place == nullptr) return CUDA_ERROR_NOT_FOUND;
  *function = governor::AddressOf(answer);
  return CUDA_SUCCESS;
}
