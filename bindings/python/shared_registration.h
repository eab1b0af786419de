#ifndef GOVERNOR_BINDINGS_PYTHON_SHARED_REGISTRATION_H_
#define GOVERNOR_BINDINGS_PYTHON_SHARED_REGISTRATION_H_

#include <memory>
#include <utility>

#include "bindings/python/errors.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"

namespace governor {

// A registration that several of Python's threads may end: one of them does,
// and the others return when it has. Every function is called with the GIL.
template <typename Registration>
class SharedRegistration {
 public:
  void Set(std::unique_ptr<Registration> registration) {
    registration_ = std::move(registration);
  }

  // Ends it, without the GIL, which what it waits for may need; nothing when it
  // has ended. `waits`: while another thread is ending it, waits for that. Not
  // for who is waited for by that thread.
  void End(bool waits) {
    // Nobody else has it from here on.
    std::unique_ptr<Registration> mine = std::move(registration_);
    if (mine == nullptr) {
      // In a forked child the other thread is not there.
      if (waits && process_.is_current()) {
        WithoutGil([this] { WaitForTheEnd(); });
      }
      return;
    }
    SetEnding(true);
    WithoutGil([this, &mine] {
      mine.reset();
      SetEnding(false);
    });
  }

  // Nobody will ever end it.
  void Abandon() { static_cast<void>(registration_.release()); }

 private:
  void SetEnding(bool is_ending) {
    MutexLock lock(mutex_);
    is_ending_ = is_ending;
    changed_.NotifyAll();
  }
  void WaitForTheEnd() {
    MutexLock lock(mutex_);
    while (is_ending_) changed_.Wait(mutex_);
  }

  std::unique_ptr<Registration> registration_;
  const ProcessEpoch process_;
  Mutex mutex_;
  CondVar changed_;
  bool is_ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_SHARED_REGISTRATION_H_
