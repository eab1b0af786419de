#include "governor/budget/entrance.h"

namespace governor {

thread_local Entrance::Visit* Entrance::innermost_ = nullptr;

Entrance::Visit::Visit(Entrance& entrance)
    : entrance_(entrance), outer_(innermost_) {
  MutexLock lock(entrance_.mutex_);
  inside_ = !entrance_.closed_;
  if (!inside_) return;
  ++entrance_.inside_;
  innermost_ = this;
}

Entrance::Visit::~Visit() {
  if (!inside_) return;
  innermost_ = outer_;
  // In a forked child the lock may be held by a thread that is not there.
  if (!entrance_.process_.is_current()) return;
  MutexLock lock(entrance_.mutex_);
  --entrance_.inside_;
  entrance_.left_.NotifyAll();
}

bool Entrance::Close(const ShouldStop& should_stop) {
  if (!process_.is_current()) return true;
  int own = 0;
  for (const Visit* visit = innermost_; visit; visit = visit->outer_) {
    own += &visit->entrance_ == this;
  }
  while (true) {
    {
      MutexLock lock(mutex_);
      closed_ = true;
      while (inside_ > own && should_stop == nullptr) left_.Wait(mutex_);
      if (inside_ <= own) return true;
    }
    if (should_stop()) return false;
    // In a forked child those who are inside are not there.
    if (!process_.is_current()) return true;
    MutexLock lock(mutex_);
    if (inside_ > own) left_.WaitFor(mutex_, kStopSlice);
  }
}

bool Entrance::ThisThreadIsInside(const void* owner) {
  for (const Visit* visit = innermost_; visit; visit = visit->outer_) {
    if (visit->entrance_.owner_ == owner) return true;
  }
  return false;
}

}  // namespace governor
