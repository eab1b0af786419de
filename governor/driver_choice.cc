#include "governor/driver_choice.h"

#include <unistd.h>

#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "governor/base/bytes.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/base/status_macros.h"
#include "governor/driver/device.h"
#include "governor/driver/driver_loader.h"

namespace governor {
namespace {

Bytes MachineMemory() {
  return Bytes(static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES))) *
         static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

// The host drivers of this process by personality.
class HostDrivers {
 public:
  static HostDrivers& Get() {
    static HostDrivers& drivers = *new HostDrivers;
    return drivers;
  }

  absl::StatusOr<std::shared_ptr<HostDriver>> Open(const std::string& text) {
    MutexLock lock(mutex_);
    // A forked child has none of its parent's.
    if (process_ != CurrentProcessEpoch()) {
      process_ = CurrentProcessEpoch();
      drivers_.clear();
    }
    std::weak_ptr<HostDriver>& known = drivers_[text];
    if (std::shared_ptr<HostDriver> driver = known.lock()) return driver;
    GOVERNOR_ASSIGN_OR_RETURN(const Personality personality,
                              ParsePersonality(text, MachineMemory()));
    GOVERNOR_ASSIGN_OR_RETURN(std::shared_ptr<HostDriver> driver,
                              HostDriver::Create(personality));
    known = driver;
    return driver;
  }

 private:
  Mutex mutex_;
  uint64_t process_ ABSL_GUARDED_BY(mutex_) = CurrentProcessEpoch();
  std::map<std::string, std::weak_ptr<HostDriver>> drivers_
      ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<OpenDriver> OpenCuda() {
  GOVERNOR_ASSIGN_OR_RETURN(DriverApi api, LoadDriver());
  // Whether a device answers.
  GOVERNOR_RETURN_IF_ERROR(Device::Open(api, 0).status());
  return OpenDriver{api, nullptr};
}

absl::StatusOr<OpenDriver> OpenHost(absl::string_view host_driver) {
  GOVERNOR_ASSIGN_OR_RETURN(
      std::shared_ptr<HostDriver> host,
      HostDrivers::Get().Open(host_driver.empty() ? "gb10"
                                                  : std::string(host_driver)));
  return OpenDriver{host->api(), std::move(host)};
}

bool MeansNoCuda(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kUnimplemented;
}

}  // namespace

absl::StatusOr<DriverChoice> ParseDriverChoice(absl::string_view text) {
  if (text == "auto") return DriverChoice::kAuto;
  if (text == "cuda") return DriverChoice::kCuda;
  if (text == "host") return DriverChoice::kHost;
  return absl::InvalidArgumentError(
      absl::StrCat("no such driver: '", absl::CHexEscape(text.substr(0, 64)),
                   "'; choose auto, cuda or host"));
}

absl::StatusOr<OpenDriver> Open(DriverChoice choice,
                                absl::string_view host_driver) {
  if (choice == DriverChoice::kHost) return OpenHost(host_driver);
  absl::StatusOr<OpenDriver> cuda = OpenCuda();
  if (cuda.ok() || !MeansNoCuda(cuda.status())) return cuda;
  absl::Status status(
      cuda.status().code(),
      absl::StrCat(cuda.status().message(),
                   "; to run without a GPU ask for the host driver: "
                   "driver=\"host\", or GOVERNOR_DRIVER=host"));
  cuda.status().ForEachPayload(
      [&status](absl::string_view type, const absl::Cord& payload) {
        status.SetPayload(type, payload);
      });
  return status;
}

absl::StatusOr<OpenDriver> OpenOrHost(DriverChoice choice,
                                      absl::string_view host_driver,
                                      std::string* why_host) {
  if (choice != DriverChoice::kAuto) return Open(choice, host_driver);
  absl::StatusOr<OpenDriver> cuda = OpenCuda();
  if (cuda.ok() || !MeansNoCuda(cuda.status())) return cuda;
  *why_host = std::string(cuda.status().message());
  return OpenHost(host_driver);
}

}  // namespace governor
