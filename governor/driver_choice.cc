#include "governor/driver_choice.h"

#include <unistd.h>

#include <atomic>
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

// The host drivers of this process by personality. A forked child makes itself
// another one: of its parent's, a thread that the child does not have may hold
// the lock.
class HostDrivers {
 public:
  static HostDrivers& Get() {
    static constinit std::atomic<HostDrivers*> current{nullptr};
    HostDrivers* known = current.load(std::memory_order_acquire);
    while (known == nullptr || !known->process_.is_current()) {
      auto* const own = new HostDrivers(known);
      if (current.compare_exchange_strong(known, own)) return *own;
      delete own;  // another thread was first
    }
    return *known;
  }

  absl::StatusOr<std::shared_ptr<HostDriver>> Open(const std::string& text) {
    MutexLock lock(mutex_);
    std::weak_ptr<HostDriver>& known = drivers_[text];
    if (std::shared_ptr<HostDriver> driver = known.lock()) return driver;
    GOVERNOR_ASSIGN_OR_RETURN(const Personality personality,
                              ParseHostDriver(text));
    GOVERNOR_ASSIGN_OR_RETURN(std::shared_ptr<HostDriver> driver,
                              HostDriver::Create(personality));
    known = driver;
    return driver;
  }

 private:
  explicit HostDrivers(const HostDrivers* parents) : parents_(parents) {}

  const ProcessEpoch process_;
  // Never used; leak checkers see that it is not lost.
  [[maybe_unused]] const HostDrivers* const parents_;
  Mutex mutex_;
  std::map<std::string, std::weak_ptr<HostDriver>> drivers_
      ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<OpenDriver> LoadAndAsk(const CudaSource& cuda) {
  GOVERNOR_ASSIGN_OR_RETURN(DriverApi api, cuda());
  // Whether a device answers.
  GOVERNOR_RETURN_IF_ERROR(Device::Open(api, 0).status());
  return OpenDriver{api, nullptr};
}

absl::Status WithPayloadsOf(const absl::Status& from, absl::Status status) {
  from.ForEachPayload(
      [&status](absl::string_view type, const absl::Cord& payload) {
        status.SetPayload(type, payload);
      });
  return status;
}

// UNAVAILABLE whatever the driver answers, for cuInit fails in many ways; what
// is wrong with the library itself LoadDriver has said already.
absl::StatusOr<OpenDriver> OpenCuda(const CudaSource& cuda) {
  absl::StatusOr<OpenDriver> open = LoadAndAsk(cuda);
  if (open.ok() || DriverProblemOf(open.status())) return open;
  return WithPayloadsOf(open.status(),
                        absl::UnavailableError(open.status().message()));
}

absl::StatusOr<OpenDriver> OpenHost(absl::string_view host_driver) {
  GOVERNOR_ASSIGN_OR_RETURN(
      std::shared_ptr<HostDriver> host,
      HostDrivers::Get().Open(host_driver.empty() ? "gb10"
                                                  : std::string(host_driver)));
  return OpenDriver{host->api(), std::move(host)};
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

absl::StatusOr<Personality> ParseHostDriver(absl::string_view text) {
  return ParsePersonality(text, MachineMemory());
}

absl::StatusOr<DriverApi> LoadCuda() { return LoadDriver(); }

absl::StatusOr<OpenDriver> Open(DriverChoice choice,
                                absl::string_view host_driver,
                                const CudaSource& cuda) {
  if (choice == DriverChoice::kHost) return OpenHost(host_driver);
  absl::StatusOr<OpenDriver> open = OpenCuda(cuda);
  if (open.ok()) return open;
  return WithPayloadsOf(
      open.status(),
      absl::Status(open.status().code(),
                   absl::StrCat(open.status().message(),
                                "; to run without a GPU ask for the host "
                                "driver: driver=\"host\", or "
                                "GOVERNOR_DRIVER=host")));
}

absl::StatusOr<OpenDriver> OpenOrHost(DriverChoice choice,
                                      absl::string_view host_driver,
                                      std::string* why_host,
                                      const CudaSource& cuda) {
  if (choice != DriverChoice::kAuto) return Open(choice, host_driver, cuda);
  absl::StatusOr<OpenDriver> open = OpenCuda(cuda);
  if (open.ok()) return open;
  *why_host = std::string(open.status().message());
  return OpenHost(host_driver);
}

}  // namespace governor
