#ifndef GOVERNOR_DRIVER_HOST_DRIVER_HUNG_CALLS_H_
#define GOVERNOR_DRIVER_HOST_DRIVER_HUNG_CALLS_H_

#include <cstdint>
#include <memory>

#include "governor/base/mutex.h"

namespace governor {

// Calls that do not return, as the real driver's do in places, until somebody
// releases them. Thread-safe.
class HungCalls {
 public:
  // Hangs until Release, and not at all after End.
  void Hang();
  // Lets those that hang now go on.
  void Release();
  // Releases all, and waits until they are gone.
  void End();
  uint64_t count() const;

 private:
  struct State {
    Mutex mutex;
    CondVar changed;
    uint64_t count ABSL_GUARDED_BY(mutex) = 0;
    uint64_t releases ABSL_GUARDED_BY(mutex) = 0;
    bool ended ABSL_GUARDED_BY(mutex) = false;
  };
  // Each call holds it too: the last of them to leave may outlive this object.
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace governor

#endif  // GOVERNOR_DRIVER_HOST_DRIVER_HUNG_CALLS_H_
