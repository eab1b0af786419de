#include "governor/watch_thread.h"

#include <pthread.h>
#include <signal.h>

#include <new>

#include "absl/cleanup/cleanup.h"

namespace governor {

WatchThread::WatchThread(HostWatch& watch) : watch_(watch) {
  // A new thread inherits the mask: no signal of the program ends up in it.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const absl::Cleanup restore = [&before] {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  };
  thread_ = std::thread(&WatchThread::Run, this);
  ::pthread_setname_np(thread_.native_handle(), "governor");
}

WatchThread::~WatchThread() {
  if (!process_.is_current()) {
    // Not there: neither to be joined nor to be called joinable.
    new (&thread_) std::thread;
    return;
  }
  End(nullptr);
  thread_.join();
}

bool WatchThread::End(const ShouldStop& should_stop) {
  if (!process_.is_current()) return true;
  while (true) {
    {
      MutexLock lock(mutex_);
      ending_ = true;
      changed_.NotifyAll();
      while (!ended_ && should_stop == nullptr) changed_.Wait(mutex_);
      if (!ended_) changed_.WaitFor(mutex_, kStopSlice);
      if (ended_) return true;
    }
    const bool stops = should_stop();
    // Which may have forked: in the child nobody is there to end.
    if (!process_.is_current()) return true;
    if (!stops) continue;
    MutexLock lock(mutex_);
    ending_ = ended_;
    return ended_;
  }
}

void WatchThread::Wake() {
  if (!process_.is_current()) return;
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.NotifyAll();
}

void WatchThread::Run() {
  // However else it ends.
  const absl::Cleanup ended = [this] {
    // In a forked child the lock may be held by a thread that is not there.
    if (!process_.is_current()) return;
    MutexLock lock(mutex_);
    ended_ = true;
    changed_.NotifyAll();
  };
  while (true) {
    absl::Duration next = HostWatch::kSoonest;
    try {
      next = watch_.Tick(watch_.Now());
    } catch (const std::bad_alloc&) {
      // The host has no memory left: all the more reason to look again soon.
    }
    // In the child of a callback that forked this thread is all there is, and
    // nobody will end it.
    if (!process_.is_current()) return;
    MutexLock lock(mutex_);
    // In real time, whatever is done to the system's date.
    while (!woken_ && !ending_ && changed_.WaitFor(mutex_, next)) {
    }
    if (ending_) {
      // With the lock held since it was seen: End cannot take it back.
      ended_ = true;
      changed_.NotifyAll();
      return;
    }
    woken_ = false;
  }
}

}  // namespace governor
