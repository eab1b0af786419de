#include "governor/driver/driver_loader.h"

#include <dlfcn.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "governor/base/status_macros.h"
#include "governor/driver/cuda_status.h"
#include "governor/driver/symbol_versions.h"

namespace governor {
namespace {

constexpr char kPayload[] = "governor/DriverProblem";

absl::Status Problem(DriverProblem problem, absl::string_view message) {
  absl::Status status(problem == DriverProblem::kNoLibrary
                          ? absl::StatusCode::kUnavailable
                          : absl::StatusCode::kUnimplemented,
                      message);
  status.SetPayload(kPayload,
                    absl::Cord(absl::StrCat(static_cast<int>(problem))));
  return status;
}

// 11020 → "11.2".
std::string VersionText(int version) {
  return absl::StrFormat("%d.%d", version / 1000, version % 1000 / 10);
}

// Finds symbols in one opened library.
class SymbolFinder {
 public:
  explicit SymbolFinder(void* library)
      : library_(library),
        get_proc_address_(reinterpret_cast<decltype(&::cuGetProcAddress_v2)>(
            dlsym(library, "cuGetProcAddress_v2"))) {}

  // nullptr when the driver has no such symbol.
  void* Find(const char* symbol) const {
    if (void* found = dlsym(library_, symbol)) return found;
    if (get_proc_address_ == nullptr) return nullptr;
    void* found = nullptr;
    const CUresult result = get_proc_address_(
        std::string(BaseNameOf(symbol)).c_str(), &found, IntroducedIn(symbol),
        CU_GET_PROC_ADDRESS_LEGACY_STREAM, /*symbolStatus=*/nullptr);
    return result == CUDA_SUCCESS ? found : nullptr;
  }

 private:
  void* library_;
  decltype(&::cuGetProcAddress_v2) get_proc_address_;
};

absl::Status SymbolMissing(absl::string_view library,
                           absl::string_view symbol) {
  return Problem(
      DriverProblem::kSymbolMissing,
      absl::StrCat("CUDA driver lacks a symbol that governor needs; install an "
                   "NVIDIA driver for CUDA ",
                   VersionText(kNeededDriverVersion), " or newer: symbol ",
                   symbol, ", library ", library));
}

absl::Status CheckVersion(const SymbolFinder& finder,
                          absl::string_view library) {
  const auto driver_get_version =
      reinterpret_cast<decltype(&::cuDriverGetVersion)>(
          finder.Find("cuDriverGetVersion"));
  if (driver_get_version == nullptr) {
    return SymbolMissing(library, "cuDriverGetVersion");
  }
  int found = 0;
  GOVERNOR_RETURN_IF_ERROR(
      CudaStatus(driver_get_version(&found), "cuDriverGetVersion"));
  if (found >= kNeededDriverVersion) return absl::OkStatus();
  return Problem(
      DriverProblem::kTooOld,
      absl::StrCat("CUDA driver is too old; install a newer NVIDIA driver: "
                   "found ",
                   VersionText(found), ", needed ",
                   VersionText(kNeededDriverVersion), ", library ", library));
}

}  // namespace

absl::StatusOr<DriverApi> LoadDriver(const LoadDriverOptions& options) {
  // Never closed: the functions must outlive every copy of the table.
  void* library = dlopen(options.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    return Problem(
        DriverProblem::kNoLibrary,
        absl::StrCat("CUDA driver library cannot be opened; install the NVIDIA "
                     "driver, or use the host driver: ",
                     reason == nullptr ? "no reason given" : reason,
                     ", library ", options.library));
  }
  const SymbolFinder finder(library);
  // Before the symbols: an old driver lacks some of them too, and its age is
  // the better answer.
  GOVERNOR_RETURN_IF_ERROR(CheckVersion(finder, options.library));

  DriverApi api;
#define GOVERNOR_LOAD_OPTIONAL(field, symbol) \
  api.field = reinterpret_cast<decltype(api.field)>(finder.Find(#symbol));
#define GOVERNOR_LOAD(field, symbol)    \
  GOVERNOR_LOAD_OPTIONAL(field, symbol) \
  if (api.field == nullptr) return SymbolMissing(options.library, #symbol);
  GOVERNOR_DRIVER_SYMBOLS(GOVERNOR_LOAD)
  GOVERNOR_DRIVER_OPTIONAL_SYMBOLS(GOVERNOR_LOAD_OPTIONAL)
#undef GOVERNOR_LOAD
#undef GOVERNOR_LOAD_OPTIONAL
  return api;
}

std::optional<DriverProblem> DriverProblemOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload) return std::nullopt;
  for (const DriverProblem problem :
       {DriverProblem::kNoLibrary, DriverProblem::kTooOld,
        DriverProblem::kSymbolMissing}) {
    if (*payload == absl::StrCat(static_cast<int>(problem))) return problem;
  }
  return std::nullopt;
}

}  // namespace governor
