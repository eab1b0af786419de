// Takes memory as another program on the machine would: `step` bytes every
// `interval` at most, each page touched, until `most` is reached, and holds
// them until its standard input closes. One line for each step, on the
// monotonic clock:
//   step=1 begin_ns=... end_ns=... held_bytes=...
// Never below `safety` of MemAvailable: it then stops taking and says so. It
// frees its memory by exiting.
//
// With `locked` its pages cannot be swapped, as those of a GPU's driver.
//
// hog STEP INTERVAL MOST [SAFETY [locked]]     hog 256MiB 100ms 20GiB 1GiB
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "absl/time/time.h"
#include "governor/base/bytes.h"
#include "tests/pressure/machine_counters.h"

namespace governor {
namespace {

struct Plan {
  Bytes step;
  absl::Duration interval;
  Bytes most;
  Bytes safety;
  bool is_locked = false;
};

bool Take(Bytes size, bool is_locked) {
  void* const memory = ::mmap(nullptr, size.count(), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  ::madvise(memory, size.count(), MADV_HUGEPAGE);
  if (is_locked) return ::mlock(memory, size.count()) == 0;
  std::memset(memory, 0x5a, size.count());
  return true;
}

// Whether standard input is still open once `moment` has come.
bool WaitUntil(absl::Duration moment) {
  for (;;) {
    const absl::Duration left = moment - MonotonicNow();
    pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int timeout = left == absl::InfiniteDuration()
                            ? -1
                            : static_cast<int>(absl::ToInt64Milliseconds(
                                  std::max(left, absl::Duration())));
    if (::poll(&input, 1, timeout) > 0) {
      char byte = 0;
      if (::read(STDIN_FILENO, &byte, 1) <= 0) return false;
    } else if (MonotonicNow() >= moment - absl::Milliseconds(1)) {
      return true;
    }
  }
}

void Run(const Plan& plan) {
  Bytes held;
  int step = 0;
  while (held + plan.step <= plan.most) {
    if (Meminfo("MemAvailable") < plan.safety + plan.step) {
      std::printf("stopped=safety held_bytes=%llu\n",
                  static_cast<unsigned long long>(held.count()));
      std::fflush(stdout);
      break;
    }
    const absl::Duration from = MonotonicNow();
    if (!Take(plan.step, plan.is_locked)) break;
    held += plan.step;
    ++step;
    std::printf(
        "step=%d begin_ns=%lld end_ns=%lld held_bytes=%llu\n", step,
        static_cast<long long>(absl::ToInt64Nanoseconds(from)),
        static_cast<long long>(absl::ToInt64Nanoseconds(MonotonicNow())),
        static_cast<unsigned long long>(held.count()));
    std::fflush(stdout);
    // A step that took long is not made up for: never faster than was said.
    if (!WaitUntil(from + plan.interval)) return;
  }
  WaitUntil(absl::InfiniteDuration());
}

}  // namespace
}  // namespace governor

int main(int argc, char** argv) {
  using governor::ParseBytes;
  governor::Plan plan;
  if (argc < 4 || argc > 6 || !ParseBytes(argv[1]).ok() ||
      !absl::ParseDuration(argv[2], &plan.interval) ||
      !ParseBytes(argv[3]).ok() || (argc >= 5 && !ParseBytes(argv[4]).ok())) {
    std::fprintf(stderr, "hog STEP INTERVAL MOST [SAFETY [locked]]\n");
    return 2;
  }
  plan.step = *ParseBytes(argv[1]);
  plan.most = *ParseBytes(argv[3]);
  plan.safety = argc >= 5 ? *ParseBytes(argv[4]) : governor::GiB(1);
  plan.is_locked = argc == 6;
  governor::Run(plan);
  return 0;
}
