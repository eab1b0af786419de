#ifndef GOVERNOR_WATCH_THREAD_H_
#define GOVERNOR_WATCH_THREAD_H_

#include <thread>

#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/base/should_stop.h"
#include "governor/host_watch.h"

namespace governor {

// The one thread that the library ever starts, and only when it is asked to:
// calls a HostWatch's Tick when it is due or when somebody wakes it. It takes
// no signal: all are blocked in it. Reclaimers and their callbacks run on it.
//
// Thread-safe. Its end waits for the round under way, so it is not destroyed by
// a callback. In a forked child there is no such thread, and the destructor
// does nothing.
class WatchThread {
 public:
  // `watch` outlives the thread. Throws std::system_error where the system
  // gives no thread.
  explicit WatchThread(HostWatch& watch);
  ~WatchThread();
  // Ends it without destroying it. False: `should_stop` said so first, and the
  // thread goes on as before, in the round under way.
  bool End(const ShouldStop& should_stop);
  WatchThread(const WatchThread&) = delete;
  WatchThread& operator=(const WatchThread&) = delete;

  // The next round begins at once, or after the one under way.
  void Wake();

 private:
  void Run();

  HostWatch& watch_;
  const ProcessEpoch process_;
  Mutex mutex_;
  CondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace governor

#endif  // GOVERNOR_WATCH_THREAD_H_
