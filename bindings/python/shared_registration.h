#ifndef GOVERNOR_BINDINGS_PYTHON_SHARED_REGISTRATION_H_
#define GOVERNOR_BINDINGS_PYTHON_SHARED_REGISTRATION_H_

#include <memory>
#include <thread>
#include <utility>

#include "bindings/python/errors.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/base/should_stop.h"

namespace governor {

// A registration that several of Python's threads may end: one of them does,
// and the others return when it has. Every function is called with the GIL.
//
// It ends without the GIL, which what is waited for may need. In a forked child
// there is nothing to end, and the other thread is not there.
template <typename Registration>
class SharedRegistration {
 public:
  void Set(std::unique_ptr<Registration> registration) {
    PutBack(std::move(registration));
  }

  // Ends it; nothing when it has ended. While another thread is ending it,
  // waits for that; while this thread is, in a call below, does not: that one
  // ends it.
  void End() {
    if (!process_.is_current()) return;
    WithoutGil([this] {
      while (true) {
        std::unique_ptr<Registration> mine = Take();
        if (mine == nullptr && WaitForTheOther(nullptr)) return;
        if (mine == nullptr) continue;
        mine.reset();
        PutBack(nullptr);
        return;
      }
    });
  }

  // The same, but false as soon as `should_stop` says so: it is not ended, and
  // this can be called again. `waits`: while another thread is ending it, waits
  // for that. Not for who is waited for by that thread.
  bool End(bool waits, const ShouldStop& should_stop) {
    if (!process_.is_current()) return true;
    return WithoutGil([&] {
      while (true) {
        std::unique_ptr<Registration> mine = Take();
        if (mine == nullptr) {
          if (!waits || WaitForTheOther(should_stop)) return true;
          if (should_stop != nullptr && should_stop()) return false;
          if (!process_.is_current()) return true;
          continue;
        }
        const bool has_ended = mine->End(should_stop);
        if (has_ended) mine.reset();
        if (process_.is_current()) PutBack(std::move(mine));
        return has_ended;
      }
    });
  }

  // Takes it out, for another to end; null when it has ended, and in a forked
  // child. Nobody is ending it.
  std::unique_ptr<Registration> Release() {
    return process_.is_current() ? Take() : nullptr;
  }

 private:
  // Null: it has ended, or another thread is at it.
  std::unique_ptr<Registration> Take() {
    MutexLock lock(mutex_);
    if (registration_ != nullptr) ender_ = std::this_thread::get_id();
    return std::move(registration_);
  }
  void PutBack(std::unique_ptr<Registration> registration) {
    MutexLock lock(mutex_);
    registration_ = std::move(registration);
    ender_ = std::thread::id();
    changed_.NotifyAll();
  }
  // True when it has ended, or is being ended below this, where a signal
  // handler runs inside `should_stop`. False: the other one gave up; or, with a
  // `should_stop`, a while has passed.
  bool WaitForTheOther(const ShouldStop& should_stop) {
    MutexLock lock(mutex_);
    if (ender_ == std::this_thread::get_id()) return true;
    while (is_ending() && should_stop == nullptr) changed_.Wait(mutex_);
    if (is_ending()) changed_.WaitFor(mutex_, kStopSlice);
    return !is_ending() && registration_ == nullptr;
  }

  bool is_ending() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return ender_ != std::thread::id();
  }

  const ProcessEpoch process_;
  Mutex mutex_;
  CondVar changed_;
  std::unique_ptr<Registration> registration_ ABSL_GUARDED_BY(mutex_);
  // The thread that is ending it; none.
  std::thread::id ender_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_SHARED_REGISTRATION_H_
