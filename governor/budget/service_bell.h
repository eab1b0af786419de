#ifndef GOVERNOR_BUDGET_SERVICE_BELL_H_
#define GOVERNOR_BUDGET_SERVICE_BELL_H_

#include <functional>
#include <memory>

#include "governor/base/mutex.h"
#include "governor/base/process_epoch.h"
#include "governor/budget/budget.h"

namespace governor {

// Whom requests that are short call, if somebody serves them. Thread-safe.
class ServiceBell {
 public:
  // `wake` is called by Ring until the registration ends, which waits for
  // calls that other threads are in. The latest registration counts.
  std::unique_ptr<Budget::Registration> Register(std::function<void()> wake);

  bool is_served() const;

  // Calls `wake`, with no lock held. Nothing happens when nobody serves.
  void Ring();

 private:
  struct Server;
  class ServerRegistration;

  const ProcessEpoch process_;
  mutable Mutex mutex_;
  std::shared_ptr<Server> server_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace governor

#endif  // GOVERNOR_BUDGET_SERVICE_BELL_H_
