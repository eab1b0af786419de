#include "bindings/python/exit_gate.h"

#include <pthread.h>
#include <signal.h>

#include <exception>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/time/clock.h"

namespace governor {

ExitGate& ExitGate::Get() {
  static auto* const gate = new ExitGate;
  return *gate;
}

bool ExitGate::Enter() {
  if (!process_.is_current()) return false;
  MutexLock lock(mutex_);
  if (exiting_) return false;
  ++inside_;
  return true;
}

void ExitGate::Leave() {
  if (!process_.is_current()) return;
  MutexLock lock(mutex_);
  --inside_;
  left_.NotifyAll();
}

void ExitGate::Close(absl::Duration timeout) {
  // In a forked child those inside are not there, nor is who held the lock.
  if (!process_.is_current()) return;
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(mutex_);
  exiting_ = true;
  while (inside_ > 0 && absl::Now() < deadline) {
    left_.WaitFor(mutex_, deadline - absl::Now());
  }
  closed_ = true;
}

bool ExitGate::IsExiting() {
  if (!process_.is_current()) return false;
  MutexLock lock(mutex_);
  return exiting_;
}

bool ExitGate::HasStuck() {
  if (!process_.is_current()) return false;
  MutexLock lock(mutex_);
  return closed_ && inside_ > 0;
}

void DoOnAnotherThread(std::function<void()> work) {
  // A new thread inherits the mask: no signal of the program ends up in it.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const absl::Cleanup restore = [&before] {
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  };
  try {
    std::thread([work = std::move(work)] {
      const ExitGate::Pass pass;
      if (pass.is_inside()) work();
    }).detach();
  } catch (const std::exception&) {
  }
}

}  // namespace governor
