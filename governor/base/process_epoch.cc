#include "governor/base/process_epoch.h"

#include <pthread.h>

#include <atomic>

namespace governor {
namespace {

std::atomic<uint64_t> epoch{1};

// The only thing that happens in a forked child: one addition.
void CountFork() { epoch.fetch_add(1, std::memory_order_relaxed); }

// Registered when the library is loaded, before any object can remember an
// epoch; glibc forgets the handler when the library is unloaded.
const int registered = pthread_atfork(nullptr, nullptr, &CountFork);

}  // namespace

uint64_t CurrentProcessEpoch() {
  static_cast<void>(registered);
  return epoch.load(std::memory_order_relaxed);
}

}  // namespace governor
