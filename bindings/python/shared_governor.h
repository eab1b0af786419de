#ifndef GOVERNOR_BINDINGS_PYTHON_SHARED_GOVERNOR_H_
#define GOVERNOR_BINDINGS_PYTHON_SHARED_GOVERNOR_H_

#include <memory>
#include <utility>

#include "bindings/python/errors.h"
#include "governor/governor.h"

namespace governor {

// A governor as Python's objects share it: it lives as long as its regions and
// leases, and is closed only while no thread is inside a call of it, which a
// Governor leaves to its user.
//
// The governor's own thread is not counted: what its callbacks call is over
// before a Governor closes. While it is being closed such a callback may still
// use regions, to give back.
//
// Every function but the destructor is called with the GIL, which guards the
// state.
class SharedGovernor {
 public:
  explicit SharedGovernor(std::unique_ptr<Governor> governor)
      : governor_(std::move(governor)) {}
  // With or without the GIL. Waits at most 200 ms for a callback that is
  // running on another thread, and not at all inside one: the governor then
  // ends on a thread of its own, after the callback. It is left behind where
  // its thread would never end.
  ~SharedGovernor();
  SharedGovernor(const SharedGovernor&) = delete;
  SharedGovernor& operator=(const SharedGovernor&) = delete;

  // For what neither waits nor calls the driver.
  // Throws GovernorError: closed, or a forked child.
  const Governor& Get() const {
    CheckProcess();
    if (state_ != State::kOpen) ThrowNotOpen();
    return *governor_;
  }

  // For what neither changes nor ends, and may be asked of a closed one.
  const Governor& Constants() const { return *governor_; }

  // `call(governor)` without the GIL. Throws as Get.
  template <typename Call>
  auto CallWithoutGil(const Call& call) {
    Get();
    return CallEvenIfClosed([&] { return call(*governor_); });
  }

  // `call()` without the GIL, also when the governor is closed, but not while
  // it is being closed by another thread than the governor's own. Throws
  // GovernorError: that, or a forked child.
  template <typename Call>
  auto CallEvenIfClosed(const Call& call) {
    CheckProcess();
    const bool is_own_thread = IsOwnThread();
    if (state_ == State::kClosing && !is_own_thread) ThrowNotOpen();
    const Inside inside(num_inside_, is_own_thread ? 0 : 1);
    return WithoutGil(call);
  }

  // Governor::EndTransient, also when the governor is closed.
  Bytes EndTransient(std::unique_ptr<Transient> transient) {
    return CallEvenIfClosed(
        [&] { return governor_->EndTransient(std::move(transient)); });
  }

  // Closes it; nothing when it is closed. Waits for a reclaim callback that
  // runs on the governor's thread. Throws GovernorError: calls are under way,
  // something still holds bytes, inside a callback, a forked child. And what a
  // signal handler raised, by which that wait ended: the governor is open then,
  // or closed if the callback ended just then.
  void Close();

  // On the governor's thread, or in a callback inside tick().
  bool IsOwnThread() const { return governor_->IsOwnThread(); }

  bool is_open() const { return state_ == State::kOpen; }
  // False in a forked child.
  bool is_current_process() const {
    return governor_->device().is_current_process();
  }
  // Throws GovernorError in a forked child.
  void CheckProcess() const {
    if (!is_current_process()) OkOrThrow(governor_->device().CheckProcess());
  }

 private:
  enum class State { kOpen, kClosing, kClosed };

  // Counts so many threads in and out, with the GIL.
  class Inside {
   public:
    Inside(int& count, int threads) : count_(count), threads_(threads) {
      count_ += threads_;
    }
    ~Inside() { count_ -= threads_; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    int& count_;
    const int threads_;
  };

  [[noreturn]] void ThrowNotOpen() const;

  std::unique_ptr<Governor> governor_;  // never null
  State state_ = State::kOpen;
  int num_inside_ = 0;
};

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_SHARED_GOVERNOR_H_
