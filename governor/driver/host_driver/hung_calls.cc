#include "governor/driver/host_driver/hung_calls.h"

namespace governor {

void HungCalls::Hang() {
  const std::shared_ptr<State> held = state_;
  State& state = *held;
  MutexLock lock(state.mutex);
  const uint64_t before = state.releases;
  ++state.count;
  while (!state.ended && state.releases == before) {
    state.changed.Wait(state.mutex);
  }
  --state.count;
  state.changed.NotifyAll();
}

void HungCalls::Release() {
  State& state = *state_;
  MutexLock lock(state.mutex);
  ++state.releases;
  state.changed.NotifyAll();
}

void HungCalls::End() {
  State& state = *state_;
  MutexLock lock(state.mutex);
  state.ended = true;
  state.changed.NotifyAll();
  while (state.count > 0) state.changed.Wait(state.mutex);
}

uint64_t HungCalls::count() const {
  State& state = *state_;
  MutexLock lock(state.mutex);
  return state.count;
}

}  // namespace governor
