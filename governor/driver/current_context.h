#ifndef GOVERNOR_DRIVER_CURRENT_CONTEXT_H_
#define GOVERNOR_DRIVER_CURRENT_CONTEXT_H_

#include "absl/status/statusor.h"
#include "governor/driver/device.h"

namespace governor {

// Makes a context the calling thread's current one for the object's lifetime,
// and leaves the one below it as it was. For one thread; scopes nest.
class CurrentContext {
 public:
  // The driver's error, with the thread's context unchanged;
  // FAILED_PRECONDITION in a forked child or after the context was released.
  // `device` outlives the object.
  static absl::StatusOr<CurrentContext> Enter(const Device& device,
                                              CUcontext context);
  CurrentContext(CurrentContext&& other) noexcept;
  CurrentContext& operator=(CurrentContext&&) = delete;
  ~CurrentContext();

 private:
  explicit CurrentContext(const Device& device) : device_(&device) {}

  const Device* device_;
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_CURRENT_CONTEXT_H_
