#ifndef GOVERNOR_BINDINGS_PYTHON_EXIT_GATE_H_
#define GOVERNOR_BINDINGS_PYTHON_EXIT_GATE_H_

#include <functional>

#include "absl/time/time.h"
#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"

namespace governor {

// Whom Python's exit waits for: threads that Python did not start and that are
// at work for it. There is one in a process, and it lives for ever: a thread
// may outlive the program's statics. Thread-safe; needs no GIL.
class ExitGate {
 public:
  // Inside from now until this is destroyed, unless Python has begun to exit.
  class Pass {
   public:
    Pass() : is_inside_(Get().Enter()) {}
    ~Pass() {
      if (is_inside_) Get().Leave();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

    bool is_inside() const { return is_inside_; }

   private:
    const bool is_inside_;
  };

  static ExitGate& Get();

  // Nobody enters any more. Waits for those inside, so long; in a forked child,
  // where they are not, for nobody.
  void Close(absl::Duration timeout);

  // Closed, or about to be.
  bool IsExiting();

  // It was closed, and who was waited for in vain is still inside: whoever
  // would wait for that one's end would wait for ever.
  bool HasStuck();

 private:
  ExitGate() = default;
  bool Enter();
  void Leave();

  const ProcessEpoch process_;
  Mutex mutex_;
  CondVar left_;
  bool exiting_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
};

// `work()` on a thread of its own, for which Python's exit waits as long as the
// gate does; never, once Python has begun to exit or where the system gives no
// thread: what the work was to end then ends with the process. It takes no
// signal.
void DoOnAnotherThread(std::function<void()> work);

}  // namespace governor

#endif  // GOVERNOR_BINDINGS_PYTHON_EXIT_GATE_H_
